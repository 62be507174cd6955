import type { Finding } from '../finding.ts';
import { titles } from './contenders.ts';
import type { LaneRun, Sample } from './rounds.ts';
import type { Lane, Scenario } from './scenarios.ts';

/** What the rounds of one lane come to: medians, since a shared machine has outliers. */
export interface LaneFigures {
  readonly name: string;
  readonly title: string;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
  readonly cpuMsMin: number;
  readonly cpuMsMax: number;
  readonly peakMb: number;
  readonly answerBytes: number;
  readonly subgraphRequests: number;
  readonly sameAnswers: boolean;
  /** CPU over that of ours over plain data, round by round, and the median. */
  readonly ratios: readonly number[];
  readonly ratio: number;
  /** The most of one core that asking took in a round. */
  readonly generatorShareMax: number;
}

export function figuresOf(runs: readonly LaneRun[]): LaneFigures[] {
  const base = runs.find(({ lane }) => lane.contender === 'ours' && lane.text === 'plain');
  return runs.map(({ lane, samples, ...rest }) => {
    const of = (key: keyof Sample) => samples.map((sample) => sample[key]);
    const ratios = samples.map(({ cpuMs }, round) => cpuMs / (base?.samples[round]?.cpuMs ?? NaN));
    return {
      ...rest,
      name: laneName(lane),
      title: titles[lane.contender] + (lane.text === 'world' ? ', text outside ASCII' : ''),
      requestsPerSecond: median(of('requestsPerSecond')),
      p50Ms: median(of('p50Ms')),
      p99Ms: median(of('p99Ms')),
      cpuMs: median(of('cpuMs')),
      cpuMsMin: Math.min(...of('cpuMs')),
      cpuMsMax: Math.max(...of('cpuMs')),
      subgraphRequests: median(of('subgraphRequests')),
      ...{ ratios, ratio: median(ratios) },
      generatorShareMax: Math.max(...of('generatorShare')),
    };
  });
}

/** What must hold. What could not be measured does not hold. */
export function findingsOf(scenario: Scenario, figures: readonly LaneFigures[]): Finding[] {
  const { name: of, lanes, subgraphRequestsMax: ceiling } = scenario;
  return lanes.flatMap((lane) => {
    const name = laneName(lane);
    const found = figures.find((one) => one.name === name);
    const { floor, ceiling: ratioMax } = lane;
    const bounds = {
      ...(floor === undefined ? {} : { floor }),
      ...(ratioMax === undefined ? {} : { ceiling: ratioMax }),
    };
    const findings: Finding[] = [
      {
        name: `${of}: same answers, ${name}`,
        value: Number(found?.sameAnswers),
        unit: 'yes',
        floor: 1,
      },
      { name: `${of}: CPU, ${name}`, value: found?.cpuMs ?? NaN, unit: 'ms/request' },
    ];
    if (name === 'ours') {
      if (ceiling === undefined) return findings;
      const value = found?.subgraphRequests ?? NaN;
      findings.push({ name: `${of}: subgraph requests, ours`, value, unit: 'requests', ceiling });
    } else {
      const value = found?.ratio ?? NaN;
      findings.push({ name: `${of}: CPU, ${name} over ours`, value, unit: 'times', ...bounds });
    }
    return findings;
  });
}

function laneName({ contender, text }: Lane): string {
  return text === 'plain' ? contender : `${contender} ${text}`;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? NaN) + (high ?? NaN)) / 2;
}
