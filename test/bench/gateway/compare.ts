import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import type { Finding } from '../main.ts';
import { guildQuery } from './guild.ts';

const rounds = 5;
const requestsPerRound = 600;
/** Until compilers have done what they will. */
const warmUpRequests = 2_500;
const connections = 32;
const cpuRatioMin = 8;
const subgraphRequestsMax = 7;

/**
 * Compares what one request of the Guild's query costs the gateway process, the
 * stock pair against ours, in alternating rounds on the same subgraphs. Only
 * the ratio of CPU time says something on a shared machine.
 */
export async function gateway(): Promise<readonly Finding[]> {
  const folder = await mkdtemp(join(tmpdir(), 'forge-bench-'));
  const subgraphs = await started('subgraphs.ts');
  const [subgraphsPort = ''] = subgraphs.told;
  const stock = await contender('stock.ts', subgraphsPort);
  const ours = await contender('ours.ts', subgraphsPort, folder);
  try {
    const same = canonical(await stock.ask()) === canonical(await ours.ask());
    const asked = [await counted(subgraphsPort, stock), await counted(subgraphsPort, ours)];
    for (const one of [stock, ours]) await load(one, warmUpRequests);
    const costs: [number, number][] = [];
    for (let round = 0; round < rounds; round += 1) {
      costs.push([await cost(stock), await cost(ours)]);
    }
    const ratio = median(costs.map(([theirs, own]) => theirs / own));
    return [
      { name: 'same answer', value: Number(same), unit: 'yes', floor: 1 },
      { name: 'subgraph requests, stock', value: asked[0] ?? NaN, unit: 'requests' },
      {
        name: 'subgraph requests, ours',
        value: asked[1] ?? NaN,
        unit: 'requests',
        ceiling: subgraphRequestsMax,
      },
      { name: 'CPU, stock', value: median(costs.map(([theirs]) => theirs)), unit: 'ms/request' },
      { name: 'CPU, ours', value: median(costs.map(([, own]) => own)), unit: 'ms/request' },
      { name: 'CPU, stock over ours', value: ratio, unit: 'times', floor: cpuRatioMin },
    ];
  } finally {
    for (const { child } of [subgraphs, stock, ours]) child.kill();
    await rm(folder, { recursive: true });
  }
}

interface Started {
  readonly child: ChildProcess;
  /** What it said when it was ready. */
  readonly told: readonly string[];
}

function started(file: string, ...args: readonly string[]): Promise<Started> {
  const path = fileURLToPath(new URL(file.replace('.ts', ending), import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => {
      reject(new Error(`${file} ended with ${String(code)}`));
    });
    child.stdout.on('data', (chunk: Buffer) => {
      const [, told] = /^ready (.*)$/m.exec(chunk.toString()) ?? [];
      if (told !== undefined) resolve({ child, told: told.split(' ') });
    });
  });
}

/** The same as this file's own. */
const ending = import.meta.url.slice(import.meta.url.lastIndexOf('.'));

interface Contender extends Started {
  ask(): Promise<string>;
}

async function contender(file: string, ...args: readonly string[]): Promise<Contender> {
  const one = await started(file, ...args);
  const [url = '', token] = one.told;
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections });
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const body = JSON.stringify({ query: guildQuery });
  return {
    ...one,
    async ask() {
      const answer = await pool.request({ path: pathname, method: 'POST', headers, body });
      const text = await answer.body.text();
      if (answer.statusCode !== 200) throw new Error(`${file} answered ${text.slice(0, 500)}`);
      return text;
    },
  };
}

function canonical(text: string): string {
  const { data, errors } = JSON.parse(text) as { data: unknown; errors?: unknown };
  if (errors) throw new Error(`Errors: ${text.slice(0, 500)}`);
  return JSON.stringify(data);
}

async function counted(subgraphsPort: string, { ask }: Contender): Promise<number> {
  const count = async () =>
    Number(await (await fetch(`http://127.0.0.1:${subgraphsPort}/requests`)).text());
  const before = await count();
  await ask();
  return (await count()) - before;
}

async function load({ ask }: Contender, requests: number): Promise<void> {
  let left = requests;
  const reader = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await ask();
    }
  };
  await Promise.all(Array.from({ length: connections }, reader));
}

/** CPU of the contender's process per request, in milliseconds. */
async function cost(one: Contender): Promise<number> {
  const before = await cpuMs(one);
  await load(one, requestsPerRound);
  return ((await cpuMs(one)) - before) / requestsPerRound;
}

async function cpuMs({ child: { pid = 0 } }: Started): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticksPerSecond = 100;
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
