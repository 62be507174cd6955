import { rm } from 'node:fs/promises';
import { Client } from 'pg';

/** Ends the Postgres of a run; on somebody else's, removes the databases of the run. */
export default async function teardown(): Promise<void> {
  const own = globalThis.forgePostgresOfRun;
  if (!own) {
    await dropDatabasesOfRun();
    return;
  }
  await own.server.stop();
  await rm(own.folder, { recursive: true, force: true });
  // A run in watch mode is followed by others.
  delete process.env['FORGE_TEST_POSTGRES'];
  delete process.env['FORGE_TEST_POSTGRES_OWNER'];
  globalThis.forgePostgresOfRun = undefined;
}

async function dropDatabasesOfRun(): Promise<void> {
  const { FORGE_TEST_POSTGRES: url, FORGE_TEST_POSTGRES_OWNER: ownerUrl = url } = process.env;
  const client = new Client(ownerUrl);
  await client.connect();
  try {
    const { rows } = await client.query<{ datname: string }>(
      'select datname from pg_database where starts_with(datname, $1)',
      [`forge_test_${process.env['FORGE_TEST_RUN'] ?? ''}_`],
    );
    for (const { datname } of rows) {
      await client.query(`drop database if exists ${datname} with (force)`);
    }
  } finally {
    await client.end();
  }
}
