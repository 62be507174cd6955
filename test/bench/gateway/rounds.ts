import { checkedLanes } from './answers.ts';
import type { CheckedLane } from './answers.ts';
import type { Contender, ContenderName } from './contenders.ts';
import type { Generator } from './generator.ts';
import type { GuildText } from './guild-text.ts';
import type { Options } from './options.ts';
import { cpuMs, peakMb } from './processes.ts';
import type { Lane, Scenario } from './scenarios.ts';

/** What one gateway did in one round. */
export interface Sample {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the gateway's processes, for each request. */
  readonly cpuMs: number;
  readonly subgraphRequests: number;
  /** Of one core, that asking took. */
  readonly generatorShare: number;
}

export interface LaneRun {
  readonly lane: Lane;
  readonly samples: readonly Sample[];
  readonly peakMb: number;
  /** Whether every answer was that of the first lane with the same data. */
  readonly sameAnswers: boolean;
  readonly answerBytes: number;
}

export interface Bench {
  readonly contenders: readonly Contender[];
  readonly generator: Generator;
  readonly subgraphs: Subgraphs;
  readonly options: Options;
  /** Told what went wrong with a gateway, which is then left out of the scenario. */
  readonly trouble: (contender: ContenderName, cause: unknown) => void;
}

export interface Subgraphs {
  requests(): Promise<number>;
  say(text: GuildText): Promise<void>;
}

/**
 * Measures the lanes of a scenario in alternating rounds, each round beginning
 * with another lane. What is compared is of one round, so that whatever else
 * the machine does weighs on all of them.
 */
export async function runScenario(bench: Bench, scenario: Scenario): Promise<LaneRun[]> {
  const { options, trouble } = bench;
  let lanes = (await checkedLanes(bench, scenario)).map((lane) => ({
    lane,
    samples: [] as Sample[],
  }));
  const inTurn = async (round: number, seconds: number, isCounted: boolean): Promise<void> => {
    const first = round % lanes.length;
    for (const one of [...lanes.slice(first), ...lanes.slice(0, first)]) {
      try {
        const sample = await measured(bench, one.lane, seconds);
        if (isCounted) one.samples.push(sample);
      } catch (cause) {
        trouble(one.lane.contender.name, cause);
        lanes = lanes.filter((other) => other !== one);
      }
    }
  };
  await inTurn(0, options.warmUp, false);
  for (let round = 0; round < options.rounds; round += 1) {
    await inTurn(round, options.seconds, true);
  }
  return Promise.all(
    lanes.map(async ({ lane: { lane, contender, bodies, sameAnswers }, samples }) => ({
      ...{ lane, samples, sameAnswers, peakMb: await peakMb(contender.pid) },
      answerBytes: Math.round(mean(bodies.map(({ answerBytes }) => answerBytes))),
    })),
  );
}

async function measured(
  { generator, subgraphs, options: { connections } }: Bench,
  { lane, contender, bodies }: CheckedLane,
  seconds: number,
): Promise<Sample> {
  await subgraphs.say(lane.text);
  const { url, headers, pid } = contender;
  const [cpuBefore, askedBefore] = [await cpuMs(pid), await subgraphs.requests()];
  const outcome = await generator.load({ url, headers, bodies, connections, seconds });
  const { requests } = outcome;
  return {
    requests,
    requestsPerSecond: requests / outcome.seconds,
    p50Ms: outcome.p50Ms,
    p99Ms: outcome.p99Ms,
    cpuMs: ((await cpuMs(pid)) - cpuBefore) / requests,
    subgraphRequests: ((await subgraphs.requests()) - askedBefore) / requests,
    generatorShare: outcome.cpuShare,
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
