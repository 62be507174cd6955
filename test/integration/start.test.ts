import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { root } from '../../infra/root.ts';
import { startProduct } from '../support/product.ts';

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'forge-start-'));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

const submit = `mutation ($input: SubmitJobInput!) {
  submitJob(input: $input) { ... on SubmitJobSuccess { job { id } } ... on Refusal { code } } }`;
const jobQuery = `query ($id: ID!) { job(id: $id) { state exitCode cost { final } } }`;

async function run(args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, ['infra/build/run.mjs', ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: dataDir, FORGE_DATA_DIR: dataDir, ...env },
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
}

describe('npm start', () => {
  it('keeps everything between starts, ends with 0 when asked to, and recovers from a kill', async () => {
    const first = await startProduct({ dataDir });
    const input = { idempotencyKey: 'kept', spec: { template: 'shell', source: 'echo kept' } };
    const { data, errors } = await first.ask('acme', submit, { input });
    expect(errors).toBeUndefined();
    const { id } = (data as { submitJob: { job: { id: string } } }).submitJob.job;
    expect(await first.end('SIGTERM')).toBe(0);

    const second = await startProduct({ dataDir });
    const again = await second.ask('acme', submit, { input });
    expect(again.data).toEqual({ submitJob: { job: { id } } });
    const slow = { template: 'shell', source: 'sleep 2; echo done' };
    const other = await second.ask('acme', submit, { input: { idempotencyKey: 'k2', spec: slow } });
    const { id: slowId } = (other.data as { submitJob: { job: { id: string } } }).submitJob.job;
    second.child.kill('SIGKILL');
    await once(second.child, 'exit');

    const third = await startProduct({ dataDir });
    for (const jobId of [id, slowId]) {
      const deadline = Date.now() + 40_000;
      for (;;) {
        const { data: seen } = await third.ask('acme', jobQuery, { id: jobId });
        const { job } = seen as { job: { state: string; cost: { final: boolean } } };
        if (job.state === 'SUCCEEDED') {
          expect(job).toEqual({ state: 'SUCCEEDED', exitCode: 0, cost: { final: true } });
          break;
        }
        if (Date.now() > deadline) throw new Error(`still ${job.state}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    expect(await third.end('SIGINT')).toBe(0);
  }, 180_000);

  it('says everything that is wrong with its configuration at once, and ends with 78', async () => {
    const { code, out, err } = await run(['infra/embedded/main.ts'], {
      FORGE_PORT: 'x',
      FORGE_SANDBOX: 'cloud',
      DATABASE_URL: 'mysql://nowhere',
    });
    expect(code).toBe(78);
    expect(out).toBe('');
    for (const name of ['FORGE_PORT', 'FORGE_SANDBOX', 'DATABASE_URL']) expect(err).toContain(name);
  });

  it('refuses what is for development only in production', async () => {
    const { code, err } = await run(['infra/embedded/main.ts'], { NODE_ENV: 'production' });
    expect(code).toBe(78);
    for (const name of ['DATABASE_URL', 'FORGE_ISSUER', 'FORGE_ROOT_SECRET']) {
      expect(err).toContain(name);
    }
  });

  it('says so when its port is taken, and leaves nothing running', async () => {
    const one = await startProduct();
    const { code, err } = await run(['infra/embedded/main.ts'], {
      FORGE_PORT: new URL(one.url).port,
    });
    expect(code).toBe(1);
    expect(err).toContain('EADDRINUSE');
    await one.remove();
  }, 120_000);
});

describe('npm run token', () => {
  it('prints one token and nothing else', async () => {
    const { code, out } = await run(['infra/embedded/token.ts', '--tenant', 'acme'], {});
    expect(code).toBe(0);
    expect(out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  });

  it('says what is missing', async () => {
    const { code, err } = await run(['infra/embedded/token.ts'], {});
    expect(code).toBe(64);
    expect(err).toContain('--tenant');
  });
});
