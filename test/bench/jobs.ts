import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { startProduct } from '../support/product.ts';
import type { Product } from '../support/product.ts';
import type { Finding } from './main.ts';

const samples = 40;
const burst = 60;
const logLines = 200_000;
const firstEventMsMax = 300;

/**
 * What a partner feels: from submitting to the first event and to the program
 * running, jobs in a second, and log lines in a second up to a subscriber.
 */
export async function jobs(): Promise<readonly Finding[]> {
  const product = await startProduct();
  try {
    const bench = await benchOn(product);
    for (let warmUp = 0; warmUp < 5; warmUp += 1) await bench.watch('echo warm');
    const watched = [];
    for (let n = 0; n < samples; n += 1) watched.push(await bench.watch('echo hello'));
    const begun = performance.now();
    await Promise.all(Array.from({ length: burst }, () => bench.watch('echo burst')));
    const burstSeconds = (performance.now() - begun) / 1_000;
    const flood = await bench.watch(
      `yes 'a line of a log of ordinary length, sixty bytes' | head -n ${String(logLines)}`,
    );
    return [
      ...percentiles(
        'submit to first event',
        watched.map(({ firstMs }) => firstMs),
        firstEventMsMax,
      ),
      ...percentiles(
        'submit to running',
        watched.map(({ runningMs }) => runningMs),
      ),
      ...percentiles(
        'submit to finished',
        watched.map(({ finishedMs }) => finishedMs),
      ),
      { name: 'jobs, submitted together', value: round(burst / burstSeconds), unit: 'jobs/s' },
      {
        name: 'log lines to a subscriber',
        value: Math.round(flood.lines / ((flood.finishedMs - flood.runningMs) / 1_000)),
        unit: 'lines/s',
      },
      {
        name: 'log lines lost',
        value: logLines - flood.lines,
        unit: 'lines',
        ceiling: 0,
        floor: 0,
      },
    ];
  } finally {
    await product.remove();
  }
}

interface Watched {
  readonly firstMs: number;
  readonly runningMs: number;
  readonly finishedMs: number;
  readonly lines: number;
}

const submit = `mutation ($input: SubmitJobInput!) { submitJob(input: $input) {
  ... on SubmitJobSuccess { job { id } } ... on Refusal { code message } } }`;
const watch = `subscription ($jobId: ID!) { jobEvents(jobId: $jobId) {
  __typename ... on JobStateChanged { state } ... on JobLogAppended { lines { n } } } }`;

interface Event {
  readonly __typename: string;
  readonly state?: string;
  readonly lines?: readonly unknown[];
}

async function benchOn(product: Product) {
  const token = await product.token('acme');
  const client = createClient({
    url: product.wsUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
  });
  let keys = 0;
  return {
    /** Runs a shell job and follows it to its end. */
    async watch(source: string): Promise<Watched> {
      keys += 1;
      const begun = performance.now();
      const since = (): number => performance.now() - begun;
      const input = {
        idempotencyKey: `bench-${String(keys)}`,
        spec: { template: 'shell', source },
      };
      const { data, errors } = await product.ask('acme', submit, { input });
      const jobId = (data as { submitJob?: { job?: { id: string } } } | null)?.submitJob?.job?.id;
      if (jobId === undefined) throw new Error(JSON.stringify({ data, errors }));
      let [firstMs, runningMs, lines] = [NaN, NaN, 0];
      const stream = client.iterate({ query: watch, variables: { jobId } });
      for await (const result of stream) {
        const event = (result.data as { jobEvents: Event } | null)?.jobEvents;
        if (!event) throw new Error(JSON.stringify(result.errors));
        if (Number.isNaN(firstMs)) firstMs = since();
        if (event.state === 'RUNNING') runningMs = since();
        lines += event.lines?.length ?? 0;
      }
      return { firstMs, runningMs, finishedMs: since(), lines };
    },
  };
}

function percentiles(name: string, values: readonly number[], medianMax?: number): Finding[] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN);
  const ceiling = medianMax === undefined ? {} : { ceiling: medianMax };
  return [
    { name: `${name}, p50`, value: at(0.5), unit: 'ms', ...ceiling },
    { name: `${name}, p99`, value: at(0.99), unit: 'ms' },
  ];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
