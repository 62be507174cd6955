import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { openSandbox } from '../fixtures/sandbox.ts';

let sandbox: SandboxUnderTest;
beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(() => sandbox.close());

const security = async (id: string, tenant = 'acme') => {
  const { data } = await sandbox.ask(
    { tenant, scopes: ['sandbox:read'] },
    `{ job(id: "${id}") { security { isolation seccomp egress processesMax profile
       evidence { probedAt clusterUid pool } } attempts { security { isolation } } } }`,
  );
  return (data as { job: { security: object | null; attempts: object[] } | null }).job;
};

const probe = (outcome: string, profile: string) =>
  sandbox.rows(
    'forge:probe',
    `insert into cluster_probe values ('forge:probe', $1, $1, 'uid-1', $2, '', '{}', now(), now())
     on conflict do nothing`,
    [profile, outcome],
  );

it('a job tells what held its attempt once that started, declared only where no probe saw it hold', async () => {
  const id = await sandbox.admitted();
  expect(await security(id)).toMatchObject({ security: null, attempts: [{ security: null }] });
  await probe('HELD', 'another profile');
  await probe('BROKEN', 'scripted');
  await sandbox.run(id)();
  expect(await security(id)).toEqual({
    security: {
      ...{ isolation: 'NAMESPACES', seccomp: 'scripted', egress: 'NONE', processesMax: 256 },
      ...{ profile: 'scripted', evidence: null },
    },
    attempts: [{ security: { isolation: 'NAMESPACES' } }],
  });
});

it('names the probe that saw the same profile hold, and does not change when another follows', async () => {
  await sandbox.rows('forge:probe', `update cluster_probe set outcome = 'HELD'`);
  const id = await sandbox.finished();
  const told = await security(id);
  expect(told?.security).toMatchObject({ evidence: { clusterUid: 'uid-1', pool: 'scripted' } });
  await sandbox.rows('forge:probe', `update cluster_probe set outcome = 'BROKEN'`);
  expect(await security(id)).toEqual(told);
});

it('of another tenant is that of a missing job', async () => {
  const id = await sandbox.finished();
  expect(await security(id, 'globex')).toBeNull();
});
