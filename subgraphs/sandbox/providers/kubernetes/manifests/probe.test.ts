import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { full, objectsOf } from './fixtures/samples.ts';
import { probeOrder, probeReport, probeTenant } from './probe.ts';
import { violations } from './rules.ts';
import { tenantNamespace } from './names.ts';

const sound = {
  reached: [],
  heldAfterMs: 0,
  tokenFolder: false,
  rootWritable: false,
  uid: 65_532,
  capabilities: '0000000000000000',
  noNewPrivileges: true,
  seccomp: true,
  apiServerNamed: false,
};

describe('the report of a probe', () => {
  it('says that the network holds if nothing was reached', () => {
    expect(probeReport(JSON.stringify(sound))).toEqual({
      network: 'blocked',
      networkDelayMs: 0,
      broken: [],
    });
  });

  it('says that it does not if anything was', () => {
    const seen = { ...sound, reached: ['10.96.0.1 443'] };
    expect(probeReport(JSON.stringify(seen))?.network).toBe('open');
  });

  it.each([
    [{ tokenFolder: true }, /folder for tokens/],
    [{ rootWritable: true }, /can be written to/],
    [{ uid: 0 }, /is root/],
    [{ capabilities: '00000000a80425fb' }, /has capabilities/],
    [{ noNewPrivileges: false }, /can gain privileges/],
    [{ seccomp: false }, /not filtered/],
    [{ apiServerNamed: true }, /where the API server is/],
  ])('says that %j must not be', (change, sentence) => {
    const report = probeReport(JSON.stringify({ ...sound, ...change }));
    expect(report?.broken).toEqual([expect.stringMatching(sentence)]);
  });

  it.each(['', 'Killed', '{}', '{"reached":[]}'])('is none if %j was printed', (output) => {
    expect(probeReport(output)).toBeUndefined();
  });
});

describe('the program of a probe', () => {
  const server = createServer((socket) => socket.destroy());
  let folder = '';
  let open = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'forge-probe-'));
    await writeFile(join(folder, 'main.mjs'), order('x').source);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open = `127.0.0.1 ${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });

  const run = async (env: Record<string, string>, ...args: string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, [join(folder, 'main.mjs'), ...args], { env }))
      .stdout;

  it('reaches what can be reached, and says so after it has waited for the network to hold', async () => {
    const report = probeReport(await run({}, '600', open));
    expect(report?.network).toBe('open');
    expect(report?.networkDelayMs).toBeGreaterThanOrEqual(600);
  });

  it('goes on at once where nothing answers', async () => {
    expect(probeReport(await run({}, '60000', '127.0.0.1 1'))).toMatchObject({
      network: 'blocked',
      networkDelayMs: 0,
    });
  });

  it('sees that it is told of the API server', async () => {
    const report = probeReport(
      await run({ KUBERNETES_SERVICE_HOST: '10.96.0.1' }, '0', '127.0.0.1 1'),
    );
    expect(report?.broken).toContain('The program is told where the API server is.');
  });
});

it('a probe is an attempt like any other, in a namespace that no customer has', () => {
  const { namespace, job } = objectsOf(order('job_01k4w9f6q8r0s1t2v3w4x5y6z7'), full);
  expect(violations('Job', job, full)).toEqual([]);
  expect(namespace).toBe(tenantNamespace(probeTenant));
  expect(job.spec?.template.spec?.containers[0]?.args?.slice(1)).toEqual(['5000', '10.96.0.1 443']);
});

function order(jobId: string): ReturnType<typeof probeOrder> {
  return probeOrder(jobId, [{ host: '10.96.0.1', port: 443 }]);
}
