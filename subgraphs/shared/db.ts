import type {
  EntityManager,
  EntityTarget,
  MigrationInterface,
  ObjectLiteral,
  QueryRunner,
} from 'typeorm';
import { DataSource } from 'typeorm';
import { Client, Pool } from 'pg';
import { ForgeError } from './errors.ts';
import type { Log } from './log.ts';
import { sleep } from './time.ts';
import { wakeups } from './wakeups.ts';
import type { Wakeups } from './wakeups.ts';

/**
 * A transaction of one tenant. It is had from `Database.tx` only, so whoever
 * holds one is confined to that tenant's rows by the database itself.
 */
export interface Tx extends EntityManager {
  readonly tenant: string;
  /** Wakes these topics once the transaction has committed, and never if it has not. */
  wakeAfterCommit(topic: string): void;
}

/**
 * A transaction that sees rows of all tenants, for a subgraph's own housekeeping:
 * finding work, sweeping what is overdue. It reads what tables allow by
 * `acrossTenants` and changes nothing of a tenant's: that takes a `Tx`.
 */
export interface AcrossTx {
  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** The tables of one subgraph. */
export interface Database {
  /** The subgraph's name, which is also that of its schema. */
  readonly name: string;
  /**
   * Runs work in one transaction of a tenant: all of it or nothing.
   *
   * Work that meets a deadlock or a conflict is run again from the start, so it
   * must have no effect but in the transaction.
   */
  tx<T>(tenant: string, work: (tx: Tx) => Promise<T>): Promise<T>;
  across<T>(work: (tx: AcrossTx) => Promise<T>): Promise<T>;
  readonly wakeups: Wakeups;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly url: string;
  /** The subgraph: its schema is `name`, its role `forge_<name>`. */
  readonly name: string;
  readonly entities: readonly EntityTarget<ObjectLiteral>[];
  readonly poolMax: number;
  readonly log: Log;
}

const statementTimeoutMs = 30_000;
const connectTimeoutMs = 10_000;
const attemptsMax = 5;

/** The name of a subgraph's role. It owns nothing and cannot get round row-level security. */
export function roleOf(name: string): string {
  return `forge_${name}`;
}

/** Opens a subgraph's tables, as its own role and in its own schema. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { url, name, entities, poolMax, log } = options;
  let closing = false;
  const source = new DataSource({
    type: 'postgres',
    url,
    schema: name,
    entities: [...entities] as EntityTarget<ObjectLiteral>[] as never,
    synchronize: false,
    logging: false,
    poolSize: poolMax,
    connectTimeoutMS: connectTimeoutMs,
    applicationName: `forge ${name}`,
    installExtensions: false,
    extra: {
      options: `-c role=${roleOf(name)} -c search_path=${name} -c statement_timeout=${String(statementTimeoutMs)} -c idle_in_transaction_session_timeout=60000`,
    },
    poolErrorHandler: (err: unknown) => {
      // The server may end a connection before we have.
      if (!closing) log.warn({ err, subgraph: name }, 'an idle database connection was lost');
    },
  });
  await source.initialize();
  const wakes = wakeups(() => listeningClient(url), log);
  return {
    name,
    wakeups: wakes,
    tx: (tenant, work) => retrying(() => inTenant(source, wakes, tenant, work)),
    across: (work) => retrying(() => acrossTenantsOf(source, name, work)),
    async close() {
      closing = true;
      await wakes.close();
      await source.destroy();
    },
  };
}

async function listeningClient(url: string): Promise<Client> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    application_name: 'forge wake-ups',
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function inTenant<T>(
  source: DataSource,
  wakes: Wakeups,
  tenant: string,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  if (tenant === '') throw new ForgeError('INTERNAL', 'A transaction needs a tenant.');
  const topics = new Set<string>();
  const value = await source.transaction(async (manager) => {
    await manager.query(`select set_config('forge.tenant', $1, true)`, [tenant]);
    const wakeAfterCommit = (topic: string): void => {
      topics.add(topic);
    };
    return work(Object.assign(manager, { tenant, wakeAfterCommit }));
  });
  if (topics.size > 0) wakes.wake(topics);
  return value;
}

function acrossTenantsOf<T>(
  source: DataSource,
  name: string,
  work: (tx: AcrossTx) => Promise<T>,
): Promise<T> {
  return source.transaction(async (manager) => {
    await manager.query(`set local role ${roleOf(name)}_across`);
    return work({
      query: <Row>(sql: string, values: readonly unknown[] = []) =>
        manager.query<Row[]>(sql, [...values]),
    });
  });
}

/** SQLSTATEs after which the same transaction, run again, is likely to pass. */
const passing = new Set(['40001', '40P01']);

async function retrying<T>(attempt: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (cause) {
      if (attempts >= attemptsMax || !passing.has(sqlStateOf(cause) ?? '')) throw cause;
      await sleep(Math.random() * 20 * 2 ** attempts);
    }
  }
}

/** The SQLSTATE of a database error. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : '';
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Whether the database could not be reached or ended the connection: asking again may do. */
export function isConnectionLost(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return /^(08|57P|53)/.test(state);
  const text =
    error instanceof Error ? `${'code' in error ? String(error.code) : ''} ${error.message}` : '';
  return /ECONN|EPIPE|ETIMEDOUT|ENOENT|Connection terminated|timeout exceeded|Driver not Connected|already released/i.test(
    text,
  );
}

/** Reads bigint columns as numbers. A value that a number cannot hold exactly is an error, not a guess. */
export const minorUnits = {
  to: (value: number | null): number | null => value,
  from: (text: string | null): number | null => {
    if (text === null) return null;
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw new ForgeError('INTERNAL', `${text} is too large.`);
    return value;
  },
};

export type MigrationClass = new () => MigrationInterface;

/**
 * A change of tables, in SQL. The name ends in 13 digits that order it; there
 * is no way back but a newer change.
 */
export function sqlMigration(name: string, sql: string): MigrationClass {
  return class implements MigrationInterface {
    readonly name = name;
    async up(runner: QueryRunner): Promise<void> {
      await runner.query(sql);
    }
    down(): Promise<void> {
      return Promise.reject(new Error(`${name} cannot be undone. Write a newer migration.`));
    }
  };
}

/** Confines a table with a `tenant_id` to the transaction's tenant, its owner included. */
export function tenantTable(table: string): string {
  return `
  alter table ${table} enable row level security;
  alter table ${table} force row level security;
  create policy ${table}_of_tenant on ${table}
    using (tenant_id = current_setting('forge.tenant', true))
    with check (tenant_id = current_setting('forge.tenant', true));
  `;
}

/** Lets the subgraph's own housekeeping read a table's rows of all tenants, by `Database.across`. */
export function acrossTenants(table: string): string {
  return `
  do $$ begin
    execute format('create policy ${table}_across on ${table} for select to %I using (true)',
      'forge_' || current_schema() || '_across');
    execute format('grant select on ${table} to %I', 'forge_' || current_schema() || '_across');
  end $$;
  `;
}

export interface MigrationPlan {
  readonly name: string;
  readonly migrations: readonly MigrationClass[];
}

/** Any number will do, as long as it is the same in every process. */
const migrationLock = 4_672_914_003;

/**
 * Brings the tables of all subgraphs up to date, each in its own schema and for
 * its own role. Processes that start at once do it one after another; a crash
 * in a change leaves nothing of it.
 */
export async function migrate(
  url: string,
  plans: readonly MigrationPlan[],
  kernel: { readonly shared: readonly MigrationClass[]; readonly each: readonly MigrationClass[] },
): Promise<void> {
  const pool = new Pool({ connectionString: url, max: 1 });
  const client = await pool.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    const names = plans.map(({ name }) => name);
    await client.query(['forge', ...names].map(schemaSql).join('\n'));
    await runMigrations(url, 'forge', kernel.shared);
    for (const { name, migrations } of plans) {
      await client.query(roleSql(name));
      await runMigrations(url, name, [...kernel.each, ...migrations]);
    }
  } finally {
    client.release(true);
    await pool.end();
  }
}

function schemaSql(name: string): string {
  return `create schema if not exists ${name}; revoke all on schema ${name} from public;`;
}

/**
 * Makes a subgraph's two roles. Whoever runs this may become them, and has no
 * right of theirs before: a connection that forgot its role sees no tenant's rows.
 */
function roleSql(name: string): string {
  const role = roleOf(name);
  const create = (wanted: string) => `
    do $$ begin
      create role ${wanted} nologin nosuperuser nobypassrls noinherit;
    exception when duplicate_object or unique_violation then null;
    end $$;
    do $$ begin
      if not pg_has_role(current_user, '${wanted}', 'set') then
        execute format('grant ${wanted} to %I with inherit false, set true', current_user);
      end if;
    end $$;`;
  return `
    ${create(role)}
    ${create(`${role}_across`)}
    grant usage on schema ${name} to ${role}, ${role}_across;
    grant usage on schema forge to ${role}, ${role}_across;
    grant select, insert on forge.message to ${role};
    grant update, delete on forge.message to ${role};
    grant select on forge.message to ${role}_across;
    alter default privileges in schema ${name}
      grant select, insert, update, delete on tables to ${role};
    alter default privileges in schema ${name} grant usage on sequences to ${role};
  `;
}

async function runMigrations(
  url: string,
  schema: string,
  migrations: readonly MigrationClass[],
): Promise<void> {
  const source = new DataSource({
    type: 'postgres',
    url,
    schema,
    migrations: [...migrations],
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'each',
    synchronize: false,
    logging: false,
    poolSize: 1,
    installExtensions: false,
    extra: { options: `-c search_path=${schema}` },
  });
  await source.initialize();
  try {
    await source.runMigrations();
  } finally {
    await source.destroy();
  }
}
