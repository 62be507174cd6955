import { isDeepStrictEqual } from 'node:util';
import type { Contender } from './contenders.ts';
import type { GuildText } from './guild-text.ts';
import type { Body } from './load.ts';
import type { GraphRequest } from './queries.ts';
import type { Bench } from './rounds.ts';
import type { Lane, Scenario } from './scenarios.ts';

/** A lane of which everything was asked once, and how long the answers are. */
export interface CheckedLane {
  readonly lane: Lane;
  readonly contender: Contender;
  readonly bodies: readonly Body[];
  readonly sameAnswers: boolean;
}

/**
 * Asks everything once, and compares what the gateways answer with what the first
 * one does over the same data.
 */
export async function checkedLanes(
  bench: Pick<Bench, 'contenders' | 'subgraphs' | 'trouble'>,
  { lanes, requests }: Scenario,
): Promise<CheckedLane[]> {
  const expected = new Map<GuildText, readonly unknown[]>();
  const checked: CheckedLane[] = [];
  for (const lane of lanes) {
    const contender = bench.contenders.find(({ name }) => name === lane.contender);
    if (!contender) continue;
    await bench.subgraphs.say(lane.text);
    try {
      const answers = await answersOf(contender, requests);
      const data = answers.map((answer) => answer.data);
      const bodies = answers.map(({ body }) => body);
      const first = expected.get(lane.text) ?? data;
      expected.set(lane.text, first);
      const sameAnswers = isDeepStrictEqual(data, first);
      checked.push({ lane, contender, bodies, sameAnswers });
    } catch (cause) {
      bench.trouble(contender.name, cause);
    }
  }
  return checked;
}

async function answersOf(
  contender: Contender,
  requests: readonly GraphRequest[],
): Promise<{ readonly body: Body; readonly data: unknown }[]> {
  const answers = [];
  for (const request of requests) {
    const text = JSON.stringify(request);
    const answer = await ask(contender, text);
    const body = { text, answerBytes: answer.length };
    answers.push({ body, data: dataOf(answer.toString()) });
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
