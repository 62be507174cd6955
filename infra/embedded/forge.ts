import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { createGateway } from '../../gateway/gateway.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { gatewaySettings } from '../../gateway/gateway-settings.ts';
import { fixedSupergraph } from '../../gateway/supergraph/source.ts';
import { makeSubgraph, subgraphNames } from '../../subgraphs/index.ts';
import { createTokenVerifier } from '../../subgraphs/shared/auth.ts';
import type { Config } from '../../subgraphs/shared/config.ts';
import type { Database } from '../../subgraphs/shared/db.ts';
import { migrate } from '../../subgraphs/shared/db.ts';
import { startAdminServer } from '../../subgraphs/shared/health.ts';
import { mountSubgraph, openSubgraphDatabase, runWorkers } from '../../subgraphs/shared/host.ts';
import type { Subgraph } from '../../subgraphs/shared/host.ts';
import { loadKeys } from '../../subgraphs/shared/keys.ts';
import type { Keys } from '../../subgraphs/shared/keys.ts';
import type { Log } from '../../subgraphs/shared/log.ts';
import { startTracing } from '../../subgraphs/shared/telemetry.ts';
import { kernelTables } from '../../subgraphs/shared/tables.ts';
import { systemClock } from '../../subgraphs/shared/time.ts';
import { startWorkflows } from '../../subgraphs/shared/workflow-engine.ts';
import { root } from '../root.ts';
import { ensureIssuer } from './issuer.ts';
import { lifetime } from './lifetime.ts';
import type { Lifetime } from './lifetime.ts';
import { startPostgres } from './postgres.ts';
import { withStripe } from './stripe.ts';

/** The whole product, running. */
export interface Forge {
  readonly url: string;
  /** What whoever started it should know. */
  readonly notes: readonly string[];
  /** Answers what is under way and ends everything, within the deadline. */
  stop(deadlineMs: number): Promise<void>;
}

interface Member {
  readonly subgraph: Subgraph;
  readonly db: Database;
}

/**
 * Starts everything: the database, tables, subgraphs, their workers, and the
 * gateway. What was started is ended again when a later part cannot be.
 *
 * `onFatal` is called when the product cannot go on, because its database or its
 * lease is gone.
 */
export async function startForge(
  given: Config,
  log: Log,
  onFatal: (reason: string) => void,
): Promise<Forge> {
  const config = await withGatewayPort(given);
  const life = lifetime(log);
  try {
    return await startParts({ config, log, life, onFatal });
  } catch (cause) {
    await life.end(failedStartMs);
    throw cause;
  }
}

const failedStartMs = 10_000;

interface Start {
  readonly config: Config;
  readonly log: Log;
  readonly life: Lifetime;
  readonly onFatal: (reason: string) => void;
}

async function startParts(given: Start): Promise<Forge> {
  const { life } = given;
  const config = await withStripe(given.config, life);
  const start = { ...given, config };
  const keys = loadKeys(config.keys);
  await ensureIssuer(config);
  const url = config.databaseUrl ?? (await embedded(start));
  const members = await openMembers(start, url, keys);
  await startWorkers(start, url, members);
  const gateway = await startGateway(start, members, keys);
  await startAdmin(start, members, gateway);
  const notes = await Promise.all(
    members.map(async ({ subgraph }) => (await subgraph.notes?.()) ?? []),
  );
  return {
    url: gateway.running.url,
    notes: [...notesOf(config), ...notes.flat()],
    stop: (deadlineMs) => life.end(deadlineMs),
  };
}

async function embedded({ config, log, life, onFatal }: Start): Promise<string> {
  const postgres = await startPostgres({ dataDir: config.dataDir, log });
  let ending = false;
  postgres.onExit(() => {
    if (!ending) onFatal('the embedded database ended');
  });
  life.atEnd(() => {
    ending = true;
    return postgres.stop();
  });
  return postgres.url;
}

async function openMembers(
  { config, log, life }: Start,
  url: string,
  keys: Keys,
): Promise<readonly Member[]> {
  const kernel = { log, clock: systemClock, keys };
  const subgraphs = subgraphNames.map((name) => makeSubgraph(name, config, kernel));
  await migrate(url, subgraphs, kernelTables);
  return Promise.all(
    subgraphs.map(async (subgraph): Promise<Member> => {
      const db = await openSubgraphDatabase(subgraph, { url, poolMax: config.poolMax, log });
      life.atEnd(async () => {
        await subgraph.close?.();
        await db.close();
      });
      return { subgraph, db };
    }),
  );
}

async function startWorkers(
  { log, life, onFatal }: Start,
  url: string,
  members: readonly Member[],
): Promise<void> {
  const working = new AbortController();
  const workers = members.map(({ subgraph, db }) =>
    runWorkers(subgraph, db, { log, signal: working.signal }),
  );
  life.atEnd(async () => {
    working.abort(new Error('the process stops'));
    await Promise.all(workers);
  });
  const hosts = members.map(({ subgraph, db }) => ({
    db,
    workflows: subgraph.workflows,
    deps: subgraph.deps,
  }));
  const onLeaseLost = (): void => {
    onFatal('its lease was lost: another process may have taken over');
  };
  const engine = await startWorkflows({ url, hosts, log, onLeaseLost });
  life.atEnd((deadlineMs) => engine.stop(deadlineMs));
  for (const { subgraph, db } of members) {
    const listening = await subgraph.listen?.(db);
    if (listening) life.atEnd((deadlineMs) => listening.close(deadlineMs));
  }
}

async function startGateway(
  { config, log, life }: Start,
  members: readonly Member[],
  keys: Keys,
): Promise<{ readonly running: Gateway; readonly registry: Registry }> {
  const tracing = startTracing(config.tracing, 'forge');
  life.atEnd(() => tracing.stop());
  const parties = { identityKeys: keys, cursorKey: keys.cursor, clock: systemClock };
  const endpoints = await Promise.all(
    members.map(({ subgraph, db }) => mountSubgraph(subgraph, { db, ...parties, log, tracing })),
  );
  const registry = new Registry();
  const running = await createGateway({
    config,
    log,
    supergraph: fixedSupergraph(await readFile(supergraphPath, 'utf8')),
    endpoints: new Map(endpoints.map((endpoint) => [endpoint.name, endpoint])),
    verifyToken: createTokenVerifier(config.auth, keys),
    identityKeys: keys,
    host: config.gateway.host,
    port: config.gateway.port,
    auth: true,
    ...(await gatewaySettings(config, log)),
    registry,
    tracing,
    routes: members.flatMap(({ subgraph, db }) => subgraph.routes?.(db) ?? []),
  });
  life.atEnd((deadlineMs) => running.stop(deadlineMs));
  return { running, registry };
}

const supergraphPath = join(root, 'schema/supergraph.graphql');

async function startAdmin(
  { config, life }: Start,
  members: readonly Member[],
  { running, registry }: { readonly running: Gateway; readonly registry: Registry },
): Promise<void> {
  const admin = await startAdminServer({
    ...config.admin,
    registry,
    ready: {
      gateway: () => (running.ready() ? undefined : 'is stopping'),
      ...Object.fromEntries(members.map(({ db }) => [db.name, () => databaseCheck(db)])),
    },
  });
  life.atEnd(() => admin.close());
}

/**
 * Settles on a port before anything starts when any will do, since AI employees
 * and links to files must name it.
 */
async function withGatewayPort(config: Config): Promise<Config> {
  const { gateway, sandbox } = config;
  if (gateway.port !== 0) return config;
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, gateway.host, resolve);
  });
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const known = (url: string): string => url.replace(':0/', `:${String(port)}/`);
  const artifacts = { ...sandbox.artifacts, url: known(sandbox.artifacts.url) };
  return {
    ...config,
    gateway: { ...gateway, port, publicUrl: known(gateway.publicUrl) },
    sandbox: { ...sandbox, artifacts },
  };
}

async function databaseCheck(db: Database): Promise<string | undefined> {
  await db.across((tx) => tx.query('select 1'));
  return undefined;
}

function notesOf({ databaseUrl, auth, sandbox, stripe }: Config): string[] {
  const notes: string[] = [];
  if (databaseUrl === undefined) notes.push('Postgres is embedded: for development only');
  if (auth.development) notes.push('tokens come from the development issuer');
  if (stripe.baseUrl !== undefined) {
    notes.push('payments go to a simulator until STRIPE_SECRET_KEY is set');
  }
  notes.push(`jobs run on the ${sandbox.driver} runner`);
  return notes;
}
