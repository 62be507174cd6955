import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { root } from '../../../infra/root.ts';
import type { Finding } from '../finding.ts';
import { versionsIn } from '../gateway/peers.ts';
import { cpuMs, started } from '../gateway/processes.ts';
import type { Opening, Told } from './readers.ts';

const servers = ['ours', 'stock'] as const;
const shapes = [
  { readers: 2_000, perConnection: 1 },
  { readers: 2_000, perConnection: 20 },
  { readers: 10_000, perConnection: 1 },
  { readers: 10_000, perConnection: 20 },
] as const;
const events = { warmUp: 3, measured: 10 };
const deliveriesRatioMin = 3.5;
const idleKbMax = 12;

interface Figures {
  readonly server: string;
  readonly readers: number;
  readonly perConnection: number;
  readonly deliveriesPerCpuSecond: number;
  readonly idleKb: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Compares what it costs to tell many readers of one job what happens in it,
 * each event joined with what the job costs: this gateway next to graphql-ws
 * over ws with the same join in its process. Each server and the readers are
 * processes of their own; CPU is that of the server alone.
 */
export async function fanout(): Promise<readonly Finding[]> {
  const figures: Figures[] = [];
  const [before] = loadavg();
  for (const shape of shapes) {
    for (const server of servers) {
      const one = await measured(server, shape);
      process.stderr.write(`${JSON.stringify(one)}\n`);
      figures.push(one);
    }
  }
  const [after] = loadavg();
  const findings = shapes.flatMap((shape) => findingsOf(shape, figures));
  await write({ loadAverages: { before, after }, figures, findings });
  return findings;
}

type Shape = (typeof shapes)[number];

async function measured(server: string, { readers, perConnection }: Shape): Promise<Figures> {
  const one = await started({ file: beside(server), args: [], channel: true });
  const reading = await started({
    file: beside('readers'),
    args: [],
    ready: /^(ready)/m,
    channel: true,
  });
  try {
    // What is needed once is there before anything is weighed.
    await opened(reading.child, { url: one.told, connections: 100, perConnection: 1 });
    await happened(one.child, reading.child, { first: 1, count: events.warmUp, readers: 100 });
    reading.child.send({ leave: true });
    await wait(500);
    const before = await idleKb(one.child, one.pid);
    const connections = readers / perConnection;
    await opened(reading.child, { url: one.told, connections, perConnection });
    await wait(1_000);
    const after = await idleKb(one.child, one.pid);
    await happened(one.child, reading.child, { first: 10, count: events.warmUp, readers });
    const cpu = await cpuMs(one.pid);
    const latencies = await happened(one.child, reading.child, {
      ...{ first: 20, count: events.measured, readers },
    });
    const usedMs = (await cpuMs(one.pid)) - cpu;
    latencies.sort((a, b) => a - b);
    return {
      ...{ server, readers, perConnection },
      deliveriesPerCpuSecond: Math.round((latencies.length / usedMs) * 1_000),
      idleKb: Math.round(((after - before) / readers) * 10) / 10,
      p50Ms: Math.round(latencies[Math.floor(latencies.length * 0.5)] ?? NaN),
      p99Ms: Math.round(latencies[Math.floor(latencies.length * 0.99)] ?? NaN),
    };
  } finally {
    one.child.kill();
    reading.child.kill();
  }
}

async function opened(child: ChildProcess, opening: Opening): Promise<void> {
  const told = once(child, 'message');
  child.send(opening);
  await told;
  // The last subscriptions are on their way when the last connection is greeted.
  await wait(2_000);
}

/** Lets events happen one after the other, each when the last was delivered to everybody. */
async function happened(
  server: ChildProcess,
  reading: ChildProcess,
  { first, count, readers }: { first: number; count: number; readers: number },
): Promise<number[]> {
  const latencies: number[] = [];
  for (let seq = first; seq < first + count; seq += 1) {
    const ready = once(reading, 'message');
    reading.send({ expect: readers });
    await ready;
    const told = once(reading, 'message', { signal: AbortSignal.timeout(60_000) });
    server.send({ event: seq });
    const [message] = (await told) as [Told];
    if ('latenciesMs' in message) for (const one of message.latenciesMs) latencies.push(one);
  }
  return latencies;
}

/** What a server holds in memory, once what is garbage has been collected. */
async function idleKb(server: ChildProcess, pid: number): Promise<number> {
  for (let times = 0; times < 3; times += 1) {
    const told = once(server, 'message');
    server.send({ collect: true });
    await told;
    await wait(200);
  }
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
}

function findingsOf({ readers, perConnection }: Shape, figures: readonly Figures[]): Finding[] {
  const of = (server: string) =>
    figures.find(
      (one) =>
        one.server === server && one.readers === readers && one.perConnection === perConnection,
    );
  const [ours, stock] = [of('ours'), of('stock')];
  const shape = `${readers} readers, ${perConnection} per connection`;
  const each = figures
    .filter((one) => one.readers === readers && one.perConnection === perConnection)
    .flatMap(({ server, deliveriesPerCpuSecond, idleKb: kb, p50Ms, p99Ms }): Finding[] => [
      {
        name: `${shape}: deliveries, ${server}`,
        value: deliveriesPerCpuSecond,
        unit: '/CPU-second',
      },
      {
        ...{ name: `${shape}: idle subscription, ${server}`, value: kb, unit: 'KB' },
        ...(server === 'ours' ? { ceiling: idleKbMax } : {}),
      },
      { name: `${shape}: latency p50, ${server}`, value: p50Ms, unit: 'ms' },
      { name: `${shape}: latency p99, ${server}`, value: p99Ms, unit: 'ms' },
    ]);
  const ratio = (ours?.deliveriesPerCpuSecond ?? NaN) / (stock?.deliveriesPerCpuSecond ?? NaN);
  return [
    ...each,
    {
      ...{ name: `${shape}: deliveries per CPU-second, ours over stock`, unit: 'times' },
      ...{ value: Math.round(ratio * 100) / 100, floor: deliveriesRatioMin },
    },
  ];
}

async function write(report: object): Promise<void> {
  const date = new Date().toISOString();
  const versions = await versionsIn(root, ['graphql-ws', 'ws', 'graphql']);
  const [cpu] = cpus();
  const machine = { Node: process.version, cores: cpus().length, processor: cpu?.model ?? '' };
  const folder = join(root, 'test/bench/results');
  await mkdir(folder, { recursive: true });
  const text = JSON.stringify({ date, machine, versions, ...report }, null, 2);
  await writeFile(join(folder, `fanout-${date.slice(0, 10)}.json`), `${text}\n`);
}

function beside(name: string): string {
  return join(import.meta.dirname, `${name}.js`);
}
