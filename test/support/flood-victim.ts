/**
 * A client of another tenant, in a process of its own: `node flood-victim.js URL`.
 * Each line it reads is how often to ask; it answers with the 99th percentile in ms.
 */
import { Agent, request } from 'node:http';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

const [, , url = ''] = process.argv;
const agent = new Agent({ keepAlive: true });
const body = JSON.stringify({ query: '{ jobs(first: 3) { id title cost notes } }' });

function ask(): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer victim.alice' };
    const asked = request(url, { agent, method: 'POST', headers }, (response) => {
      response.resume().on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`answered ${String(response.statusCode)}`));
      });
    });
    asked.on('error', reject).end(body);
  });
}

for await (const line of createInterface(process.stdin)) {
  const taken: number[] = [];
  for (let n = 0; n < Number(line); n += 1) {
    const began = performance.now();
    await ask();
    taken.push(performance.now() - began);
    await wait(5);
  }
  taken.sort((one, other) => one - other);
  process.stdout.write(`p99 ${(taken[Math.floor(taken.length * 0.99)] ?? 0).toFixed(1)}\n`);
}
