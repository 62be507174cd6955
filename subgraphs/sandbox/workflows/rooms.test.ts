import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ForgeError } from '../../shared/errors.ts';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { bob, openSandbox } from '../fixtures/sandbox.ts';
import type { RoomAnswer } from '../providers/rooms.ts';
import { closeRoom, findRoom } from '../store/rooms.ts';
import { endClosed } from './end-closed.ts';
import { keepRooms } from './keep-rooms.ts';

const keeper = {
  profile: 'one',
  answer: { kind: 'ready', mended: [] } as RoomAnswer | Error,
  kept: [] as string[],
  removed: [] as string[],
  isGone: true,
  keep(tenant: string) {
    this.kept.push(tenant);
    const { answer } = this;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  },
  remove(tenant: string) {
    this.removed.push(tenant);
    return Promise.resolve(this.isGone ? ('gone' as const) : ('going' as const));
  },
};

let sandbox: SandboxUnderTest;
beforeAll(async () => {
  sandbox = await openSandbox({ rooms: { areNeeded: true, keeper } });
});
afterAll(() => sandbox.close());
afterEach(() => {
  Object.assign(keeper, {
    ...{ profile: 'one', answer: { kind: 'ready', mended: [] } },
    ...{ kept: [], removed: [], isGone: true },
  });
  sandbox.clock.aheadMs = 0;
});

let last = 0;
const newTenant = (): string => `tenant-${(last += 1)}`;
const all = ['sandbox:read', 'sandbox:write', 'sandbox:close'];
const spec = '{ template: "shell", source: "true" }';

async function ask(tenant: string, text: string) {
  const { data, errors } = await sandbox.ask({ tenant, scopes: all }, text);
  expect(errors).toBeUndefined();
  return data as Record<string, unknown>;
}

async function submit(tenant: string): Promise<string> {
  const key = `${tenant}-${(last += 1)}`;
  const { submitJob: answer } = await ask(
    tenant,
    `mutation { submitJob(input: { idempotencyKey: "${key}", spec: ${spec} }) {
       __typename ... on SubmitJobSuccess { job { id } } ... on SandboxClosed { code } } }`,
  );
  const { job, code } = answer as { job?: { id: string }; code?: string };
  return job?.id ?? code ?? '';
}

const waiting = async (tenant: string, id: string) =>
  (await ask(tenant, `{ job(id: "${id}") { state waiting { code } } }`))['job'];
const room = (tenant: string) => sandbox.db.tx(tenant, findRoom);
const close = (tenant: string) =>
  ask(
    tenant,
    `mutation { closeSandbox(input: { idempotencyKey: "${tenant}", reason: "left" }) {
       __typename ... on CloseSandboxSuccess { room { state } replayed } } }`,
  );

describe('a job', () => {
  it('waits for the place of its tenant, says so, and has its turn once that is whole', async () => {
    const tenant = newTenant();
    const id = await submit(tenant);
    await sandbox.admit();
    expect(await waiting(tenant, id)).toEqual({
      state: 'QUEUED',
      waiting: { code: 'WAITING_FOR_ROOM' },
    });
    await keepRooms.run(sandbox.work);
    expect(keeper.kept).toContain(tenant);
    await sandbox.admit();
    expect(await sandbox.job(id, tenant)).toMatchObject({ state: 'ADMITTED' });
  });

  it('of another tenant has its turn meanwhile', async () => {
    const [ready, waits] = [newTenant(), newTenant()];
    await submit(ready);
    await keepRooms.run(sandbox.work);
    const late = await submit(waits);
    const id = await submit(ready);
    await sandbox.admit();
    expect(await sandbox.job(id, ready)).toMatchObject({ state: 'ADMITTED' });
    expect(await sandbox.job(late, waits)).toMatchObject({ state: 'QUEUED' });
  });
});

describe('a room', () => {
  it('that is found changed and cannot be mended lets nothing in until it is', async () => {
    const tenant = newTenant();
    await submit(tenant);
    await keepRooms.run(sandbox.work);
    keeper.answer = { kind: 'refused', message: 'NetworkPolicy open is of nobody' };
    sandbox.clock.aheadMs = 301_000;
    await keepRooms.run(sandbox.work);
    expect(await room(tenant)).toMatchObject({
      state: 'PREPARING',
      problem: 'NetworkPolicy open is of nobody',
    });
    const { sandboxRoom } = await ask(tenant, '{ sandboxRoom { state impaired } }');
    expect(sandboxRoom).toEqual({ state: 'PREPARING', impaired: true });
    keeper.answer = { kind: 'ready', mended: [] };
    sandbox.clock.aheadMs = 310_000;
    await keepRooms.run(sandbox.work);
    expect(await room(tenant)).toMatchObject({ state: 'READY', problem: null });
  });

  it('that was ready stays so while the cluster gives no answer', async () => {
    const tenant = newTenant();
    await submit(tenant);
    await keepRooms.run(sandbox.work);
    keeper.answer = new ForgeError('PROVIDER_UNAVAILABLE', 'silent', { retryable: true });
    sandbox.clock.aheadMs = 301_000;
    await keepRooms.run(sandbox.work);
    expect(await room(tenant)).toMatchObject({ state: 'READY', problem: 'silent' });
  });

  it('is made anew at once when rooms have to be another way, and not looked at before its time', async () => {
    const tenant = newTenant();
    await submit(tenant);
    await keepRooms.run(sandbox.work);
    keeper.kept = [];
    await keepRooms.run(sandbox.work);
    expect(keeper.kept).toEqual([]);
    keeper.profile = 'two';
    await keepRooms.run(sandbox.work);
    expect(keeper.kept).toContain(tenant);
    keeper.kept = [];
    await keepRooms.run(sandbox.work);
    expect(keeper.kept).toEqual([]);
  });
});

describe('fault 48: a tenant that is closed with jobs that run', () => {
  it('has them cancelled, its room removed when nothing runs any more, and its audit trail kept', async () => {
    const tenant = newTenant();
    const running = await submit(tenant);
    await keepRooms.run(sandbox.work);
    await sandbox.admit();
    const queued = await submit(tenant);
    sandbox.scripted.script = () => ({ runningLooks: 1_000 });
    const run = sandbox.run(running, 1, tenant)();
    while ((await sandbox.job(running, tenant))?.state !== 'RUNNING') {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }

    expect(await close(tenant)).toMatchObject({ closeSandbox: { room: { state: 'CLOSING' } } });
    await keepRooms.run(sandbox.work);
    expect(keeper.removed).toEqual([]);
    await endClosed.run(sandbox.work);
    await run;
    expect(await sandbox.job(running, tenant)).toMatchObject({ state: 'CANCELLED' });
    expect(await sandbox.job(queued, tenant)).toMatchObject({ state: 'CANCELLED' });

    keeper.isGone = false;
    sandbox.clock.aheadMs = 120_000;
    await keepRooms.run(sandbox.work);
    expect(await room(tenant)).toMatchObject({ state: 'CLOSING' });
    keeper.isGone = true;
    sandbox.clock.aheadMs = 300_000;
    await keepRooms.run(sandbox.work);
    await keepRooms.run(sandbox.work);
    expect(await room(tenant)).toMatchObject({ state: 'CLOSED' });
    expect(keeper.removed).toEqual([tenant, tenant]);

    const { rows } = await sandbox.db.owner.query<{ action: string }>(
      `select payload->>'action' as action from forge.message
       where topic = 'audit.recorded' and tenant_id = $1 and payload->'target'->>'type' = 'sandbox'
       order by id`,
      [tenant],
    );
    expect(rows.map(({ action }) => action)).toEqual(['sandbox.close-requested', 'sandbox.closed']);
    expect((await sandbox.events(running, tenant)).at(-1)).toMatchObject({ type: 'job.finished' });
  });

  it('takes no job any more, and is closed once, however often it is asked for', async () => {
    const tenant = newTenant();
    await close(tenant);
    expect(await close(tenant)).toMatchObject({ closeSandbox: { replayed: true } });
    expect(await submit(tenant)).toBe('SANDBOX_CLOSED');
    expect(await sandbox.db.tx(tenant, (tx) => tx.query('select 1 from job'))).toEqual([]);
  });

  it('never lets a job through that is submitted in the very moment', async () => {
    for (let round = 0; round < 10; round += 1) {
      const tenant = newTenant();
      await submit(tenant);
      const [, ...told] = await Promise.all([
        sandbox.db.tx(tenant, (tx) => closeRoom(tx, '', bob, sandbox.clock.now())),
        ...[submit(tenant), submit(tenant), submit(tenant)],
      ]);
      await endClosed.run(sandbox.work);
      for (const id of told.filter((answer) => answer !== 'SANDBOX_CLOSED')) {
        expect(await sandbox.job(id, tenant)).toMatchObject({ state: 'CANCELLED' });
      }
    }
  });

  it('leaves the jobs of others alone', async () => {
    const [one, other] = [newTenant(), newTenant()];
    const id = await submit(other);
    await close(one);
    await endClosed.run(sandbox.work);
    expect(await sandbox.job(id, other)).toMatchObject({ state: 'QUEUED' });
  });
});
