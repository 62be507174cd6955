import { createHash, randomBytes } from 'node:crypto';
import { Client, Pool } from 'pg';
import type { QueryRunner } from 'typeorm';
import type { Database } from '../../subgraphs/shared/db.ts';
import { migrate, openDatabase } from '../../subgraphs/shared/db.ts';
import type { Subgraph } from '../../subgraphs/shared/host.ts';
import { createLog } from '../../subgraphs/shared/log.ts';
import { kernelTables } from '../../subgraphs/shared/tables.ts';

/** A subgraph's tables in a database that nobody else has. */
export interface TestDatabase extends Database {
  readonly url: string;
  /** Sees and changes rows of all tenants and the tables themselves: for arranging and checking. */
  readonly owner: Pool;
  /** Closes what is open, and removes the database with the last of its subgraphs. */
  close(): Promise<void>;
}

type Tables = Pick<Subgraph, 'name' | 'entities' | 'migrations'>;

const poolMax = 10;

/** Opens a subgraph in a new database, which holds the tables of the others as well. */
export async function freshDatabase(subgraph: Tables, ...others: Tables[]): Promise<TestDatabase> {
  const name = await createFrom(await templateOf([subgraph, ...others]));
  return open(subgraph, name, () => dropDatabase(name));
}

/** Opens several subgraphs in one new database. */
export async function freshDatabases(
  subgraphs: readonly Tables[],
): Promise<ReadonlyMap<string, TestDatabase>> {
  const name = await createFrom(await templateOf(subgraphs));
  let opened = subgraphs.length;
  const closed = async (): Promise<void> => {
    opened -= 1;
    if (opened === 0) await dropDatabase(name);
  };
  const databases = subgraphs.map(
    async (subgraph) => [subgraph.name, await open(subgraph, name, closed)] as const,
  );
  return new Map(await Promise.all(databases));
}

/** The URL of a new database without tables. It is removed at the end of the run. */
export async function freshUrl(): Promise<string> {
  return urlOf(await createFrom('template1'));
}

async function open(
  { name: subgraph, entities }: Tables,
  database: string,
  closed: () => Promise<void>,
): Promise<TestDatabase> {
  const url = urlOf(database);
  const log = createLog({ level: 'silent' });
  const db = await openDatabase({ url, name: subgraph, entities, poolMax, log });
  const owner = new Pool({
    connectionString: ownerUrlOf(database),
    max: 2,
    options: `-c search_path=${subgraph}`,
  });
  // Tests end connections on purpose.
  owner.on('error', () => undefined);
  const end = async (): Promise<void> => {
    await Promise.all([db.close(), owner.end()]);
    await closed();
  };
  let ended: Promise<void> | undefined;
  return { ...db, url, owner, close: () => (ended ??= end()) };
}

const templates = new Map<string, Promise<string>>();

/**
 * The database to copy: made once in a run for the same tables, by whichever test
 * needs it first. It gets its name when it is whole.
 */
async function templateOf(subgraphs: readonly Tables[]): Promise<string> {
  const hash = createHash('sha256')
    .update(await sqlOf(subgraphs))
    .digest('hex')
    .slice(0, 16);
  const template = named(`template_${hash}`);
  const known = templates.get(template) ?? makeTemplate(template, subgraphs);
  templates.set(template, known);
  return known;
}

async function makeTemplate(template: string, plans: readonly Tables[]): Promise<string> {
  await asOwner(async (client) => {
    await client.query('select pg_advisory_lock(hashtext($1))', [template]);
    const { rows } = await client.query('select from pg_database where datname = $1', [template]);
    if (rows.length > 0) return;
    const made = await createFrom('template1');
    await migrate(urlOf(made), plans, kernelTables);
    await client.query(`alter database ${made} rename to ${template}`);
  });
  return template;
}

/** What the migrations would run, told to somebody who only writes it down. */
async function sqlOf(subgraphs: readonly Tables[]): Promise<string> {
  const told: string[] = [];
  const query = (sql: string): Promise<void> => {
    told.push(sql);
    return Promise.resolve();
  };
  const runner = { query } as unknown as QueryRunner;
  const { shared, each } = kernelTables;
  for (const migration of [...shared, ...each]) await new migration().up(runner);
  for (const { name, migrations } of subgraphs) {
    told.push(name);
    for (const migration of migrations) await new migration().up(runner);
  }
  return JSON.stringify(told);
}

async function createFrom(template: string): Promise<string> {
  const name = named(randomBytes(6).toString('hex'));
  await asOwner(async (client) => {
    const { username } = new URL(serverUrl());
    await client.query(`create database ${name} template ${template} owner ${username}`);
  });
  return name;
}

function dropDatabase(name: string): Promise<void> {
  return asOwner(async (client) => {
    await client.query(`drop database if exists ${name} with (force)`);
  });
}

async function asOwner(work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client(ownerUrl());
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** The teardown of the run removes databases of this name. */
function named(rest: string): string {
  return `forge_test_${process.env['FORGE_TEST_RUN'] ?? ''}_${rest}`;
}

function serverUrl(): string {
  const url = process.env['FORGE_TEST_POSTGRES'];
  if (url === undefined) throw new Error('There is no Postgres: run tests by npm test.');
  return url;
}

function ownerUrl(): string {
  return process.env['FORGE_TEST_POSTGRES_OWNER'] ?? serverUrl();
}

function urlOf(database: string): string {
  return withPath(serverUrl(), database);
}

function ownerUrlOf(database: string): string {
  return withPath(ownerUrl(), database);
}

function withPath(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}
