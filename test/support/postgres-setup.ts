import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { superuser } from '../../infra/embedded/postgres-cluster.ts';
import { isAlive } from '../../infra/embedded/postgres-previous.ts';
import { startPostgres } from '../../infra/embedded/postgres.ts';
import type { Postgres } from '../../infra/embedded/postgres.ts';
import { createLog } from '../../subgraphs/shared/log.ts';

/** What the teardown of the same run ends. */
export interface PostgresOfRun {
  readonly server: Postgres;
  readonly folder: string;
}

declare global {
  var forgePostgresOfRun: PostgresOfRun | undefined;
}

/**
 * Starts one Postgres for all tests of a run, and tells them where it is by
 * FORGE_TEST_POSTGRES. A server that this variable names already is used instead:
 * by a role that may make databases and roles and is no superuser, while
 * FORGE_TEST_POSTGRES_OWNER names the same server with a superuser.
 */
export default async function setup(): Promise<void> {
  // What the databases of this run are called by, so that the teardown finds them.
  process.env['FORGE_TEST_RUN'] = randomBytes(4).toString('hex');
  if (process.env['FORGE_TEST_POSTGRES'] !== undefined) return;
  await removeAbandoned();
  const folder = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
  const log = createLog({ level: 'error' });
  const server = await startPostgres({ dataDir: folder, log, durable: false });
  globalThis.forgePostgresOfRun = { server, folder };
  process.env['FORGE_TEST_POSTGRES'] = server.url;
  const asSuperuser = new URL(server.url);
  asSuperuser.username = superuser;
  process.env['FORGE_TEST_POSTGRES_OWNER'] = asSuperuser.href;
}

const prefix = 'forge-test-postgres-';

/** Removes the folders of runs that were killed. Their servers ended with them. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, pid] = new RegExp(`^${prefix}(\\d+)-`).exec(name) ?? [];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
}
