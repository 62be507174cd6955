import { isDeepStrictEqual } from 'node:util';
import type { Contender, ContenderName } from './contenders.ts';
import type { Generator } from './generator.ts';
import type { GuildText } from './guild-text.ts';
import type { Body } from './load.ts';
import type { Options } from './options.ts';
import { cpuMs, peakMb } from './processes.ts';
import type { GraphRequest } from './queries.ts';
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
  let lanes = await checkedLanes(bench, scenario);
  const everyone = async (round: number, work: (lane: CheckedLane) => Promise<void>) => {
    for (const lane of [
      ...lanes.slice(round % lanes.length),
      ...lanes.slice(0, round % lanes.length),
    ]) {
      await work(lane).catch((cause: unknown) => {
        trouble(lane.contender.name, cause);
        lanes = lanes.filter((one) => one !== lane);
      });
    }
  };
  await everyone(0, async (lane) => {
    await measured(bench, lane, options.warmUp);
  });
  for (let round = 0; round < options.rounds; round += 1) {
    await everyone(round, async (lane) => {
      lane.samples.push(await measured(bench, lane, options.seconds));
    });
  }
  return Promise.all(
    lanes.map(async ({ lane, contender, bodies, ...rest }) => ({
      ...{ lane, ...rest, peakMb: await peakMb(contender.pid) },
      answerBytes: Math.round(mean(bodies.map(({ answerBytes }) => answerBytes))),
    })),
  );
}

interface CheckedLane {
  readonly lane: Lane;
  readonly contender: Contender;
  readonly bodies: readonly Body[];
  readonly sameAnswers: boolean;
  readonly samples: Sample[];
}

/** Asks everything once, and compares what the gateways answer. */
async function checkedLanes(bench: Bench, { lanes, requests }: Scenario): Promise<CheckedLane[]> {
  const expected = new Map<GuildText, readonly unknown[]>();
  const checked: CheckedLane[] = [];
  for (const lane of lanes) {
    const contender = bench.contenders.find(({ name }) => name === lane.contender);
    if (!contender) continue;
    await bench.subgraphs.say(lane.text);
    try {
      const answers = await answersOf(contender, requests);
      const data = answers.map((answer) => answer.data);
      const first = expected.get(lane.text) ?? data;
      expected.set(lane.text, first);
      checked.push({
        ...{ lane, contender, bodies: answers, samples: [] },
        sameAnswers: isDeepStrictEqual(data, first),
      });
    } catch (cause) {
      bench.trouble(contender.name, cause);
    }
  }
  return checked;
}

async function answersOf(
  contender: Contender,
  requests: readonly GraphRequest[],
): Promise<(Body & { readonly data: unknown })[]> {
  const answers = [];
  for (const request of requests) {
    const text = JSON.stringify(request);
    const answer = await ask(contender, text);
    answers.push({ text, answerBytes: answer.length, data: dataOf(answer.toString()) });
  }
  return answers;
}

async function ask({ url, headers }: Contender, body: string): Promise<Buffer> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body,
  });
  return Buffer.from(await answer.arrayBuffer());
}

/** The data, in which the order of members plays no part. An error is no answer. */
function dataOf(text: string): unknown {
  const { data, errors } = JSON.parse(text) as { data?: unknown; errors?: unknown };
  if (data === undefined || data === null || errors !== undefined) {
    throw new Error(`It answered with errors: ${text.slice(0, 500)}`);
  }
  return data;
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
