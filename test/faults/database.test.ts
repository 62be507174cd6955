import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'pg';
import { superuser } from '../../infra/embedded/postgres-cluster.ts';
import { startPostgres } from '../../infra/embedded/postgres.ts';
import type { Postgres } from '../../infra/embedded/postgres.ts';
import { createLog } from '../../subgraphs/shared/log.ts';
import { freePort, startProduct } from '../support/product.ts';
import type { Product } from '../support/product.ts';
import { signalFamily } from './crew.ts';
import { follow } from './follower.ts';
import type { KindName } from './kinds.ts';
import { kindOf } from './kinds.ts';
import { asking, problemsOf } from './tables.ts';
import type { Ask, Expected } from './tables.ts';

/**
 * Shorter than a lease. A process that is cut off for longer ends, and is started
 * again: a database that recovers may well take that long.
 */
const awayMs = 3_000;

const running = new Set<{ remove(): Promise<void> }>();
afterEach(async () => {
  for (const one of [...running].reverse()) await one.remove();
  running.clear();
}, 60_000);

/** A database that the test owns, and the product on it. */
async function openProduct() {
  const folder = await mkdtemp(join(tmpdir(), 'forge-database-'));
  const log = createLog({ level: 'silent' });
  const port = await freePort();
  let postgres: Postgres = await startPostgres({ dataDir: folder, log, port });
  const asSuperuser = new URL(postgres.url);
  asSuperuser.username = superuser;
  const owner = new Pool({ connectionString: asSuperuser.href, max: 2 });
  owner.on('error', () => undefined);
  running.add({
    async remove() {
      await owner.end();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  });
  const dataDir = join(folder, 'data');
  const ports = {
    FORGE_PORT: String(await freePort()),
    FORGE_ADMIN_PORT: String(await freePort()),
  };
  const start = () => startProduct({ dataDir, env: { DATABASE_URL: postgres.url, ...ports } });
  let forge = await start();
  const first = forge;
  let removing = false;
  /** As whoever runs the product would: one that ended is started again. */
  const supervise = async (): Promise<void> => {
    while (!removing) {
      if (forge.child.exitCode !== null) forge = await start().catch(() => forge);
      await wait(100);
    }
  };
  const supervising = supervise();
  running.add({
    async remove() {
      removing = true;
      await supervising;
      await forge.remove();
    },
  });
  return {
    forge,
    hasEnded: () => forge.output !== first.output,
    ask: asking(owner),
    signal: (name: 'SIGSTOP' | 'SIGCONT') => signalFamily(`port=${String(port)}`, name),
    /** Ends it as if the power had gone, and starts it again after a while. */
    async restart() {
      await signalFamily(`port=${String(port)}`, 'SIGQUIT');
      await wait(awayMs);
      postgres = await startPostgres({ dataDir: folder, log, port });
    },
  };
}

const submit = `mutation ($input: SubmitJobInput!) {
  submitJob(input: $input) { ... on SubmitJobSuccess { job { id } } }
}`;

async function submitJobs(forge: Product, names: readonly KindName[]): Promise<Expected[]> {
  return Promise.all(
    names.map(async (kind, index) => {
      const input = { idempotencyKey: `database-${String(index)}`, spec: kindOf(kind).spec };
      const { data } = await forge.ask('acme', submit, { input });
      return {
        id: (data as { submitJob: { job: { id: string } } }).submitJob.job.id,
        tenant: 'acme',
        kind,
      };
    }),
  );
}

async function untilCount(ask: Ask, count: number, sql: string): Promise<void> {
  for (let n = 0; n < 600; n += 1) {
    const [row] = await ask<{ n: number }>(sql).catch(() => []);
    if (row?.n === count) return;
    await wait(100);
  }
  throw new Error(`not in time: ${sql}`);
}

const kindsUnderWay: readonly KindName[] = [
  'succeeds',
  'fails',
  'is killed by a signal',
  'succeeds',
];
const runningSql = `select count(*)::int as n from sandbox.job where state = 'RUNNING'`;
const leftSql = `select (select count(*) from sandbox.job where finished_at is null)::int
  + (select count(*) from forge.message)::int
  + (select count(*) from dbos.workflow_status where status in ('PENDING', 'ENQUEUED'))::int as n`;

describe.each(['stands still', 'ends and comes back'])('a database that %s for seconds', (how) => {
  it('leaves running programs alone; states are caught up, nothing fails, and subscribers miss nothing', async () => {
    const { forge, ask, hasEnded, signal, restart } = await openProduct();
    const jobs = await submitJobs(forge, kindsUnderWay);
    const token = await forge.token('acme');
    const late = AbortSignal.timeout(120_000);
    const following = jobs.map(({ id }) =>
      follow({ url: forge.url, wsUrl: forge.wsUrl, token }, 'graphql-ws', id, { signal: late }),
    );
    await untilCount(ask, jobs.length, runningSql);
    if (how === 'stands still') {
      await signal('SIGSTOP');
      await wait(awayMs);
      await signal('SIGCONT');
    } else {
      await restart();
    }
    await untilCount(ask, 0, leftSql);
    expect(await problemsOf(ask, jobs, join(forge.dataDir, 'artifacts'))).toEqual([]);
    for (const { seqs, ends, errors } of await Promise.all(following)) {
      expect(ends).toHaveLength(1);
      expect(seqs).toEqual(seqs.map((_seq, index) => index + 1));
      if (how === 'stands still') expect(errors).toEqual([]);
    }
    if (how === 'stands still') expect(hasEnded()).toBe(false);
  }, 180_000);
});
