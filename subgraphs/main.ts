import process from 'node:process';
import { Registry } from 'prom-client';
import { isSubgraphName, makeSubgraph, subgraphNames } from './index.ts';
import type { SubgraphName } from './index.ts';
import { ConfigError, loadConfig } from './shared/config.ts';
import type { Config } from './shared/config.ts';
import { migrate } from './shared/db.ts';
import { startAdminServer } from './shared/health.ts';
import { mountSubgraph, openSubgraphDatabase, runWorkers } from './shared/host.ts';
import { loadKeys } from './shared/keys.ts';
import { createLog } from './shared/log.ts';
import type { Log } from './shared/log.ts';
import { serveSubgraph } from './shared/subgraph-server.ts';
import { kernelTables } from './shared/tables.ts';
import { systemClock } from './shared/time.ts';
import { startWorkflows } from './shared/workflow-engine.ts';

/**
 * Starts one subgraph as a process of its own: `main.js billing [api|worker|both]`.
 * As `api` it answers gateways, as `worker` it does what no request waits for.
 */
const parts = ['api', 'worker', 'both'] as const;
type Part = (typeof parts)[number];

class Usage extends Error {}

function asked([name = '', part = 'both']: readonly string[]): { name: SubgraphName; part: Part } {
  if (!isSubgraphName(name)) throw new Usage(`Say which subgraph: ${subgraphNames.join(', ')}.`);
  if (!(parts as readonly string[]).includes(part)) {
    throw new Usage(`Say what it does: ${parts.join(', ')}.`);
  }
  return { name, part: part as Part };
}

/** Gives the function that ends the process's work. */
async function start(name: SubgraphName, part: Part, config: Config, log: Log) {
  const { databaseUrl: url } = config;
  if (url === undefined) throw new Usage('DATABASE_URL is needed: processes share one database.');
  const keys = loadKeys(config.keys);
  const subgraph = makeSubgraph(name, config, { log, clock: systemClock, keys });
  await migrate(url, [subgraph], kernelTables);
  const db = await openSubgraphDatabase(subgraph, { url, poolMax: config.poolMax, log });
  const ends: (() => Promise<void>)[] = [];

  if (part !== 'worker') {
    const parties = { identityKeys: keys, cursorKey: keys.cursor, clock: systemClock };
    const endpoint = await mountSubgraph(subgraph, { db, ...parties, log });
    const routes = subgraph.routes?.(db) ?? [];
    const server = await serveSubgraph(endpoint, { ...config.subgraph, log, routes });
    ends.push(() => server.close(drainDeadlineMs / 2));
    process.stdout.write(`${name} ready ${server.url}\n`);
  }
  if (part !== 'api') {
    const working = new AbortController();
    const workers = runWorkers(subgraph, db, { log, signal: working.signal });
    const hosts = [{ db, workflows: subgraph.workflows, deps: subgraph.deps }];
    // A process without durable programs of its own must not take over those of others.
    const engine =
      subgraph.workflows.length > 0
        ? await startWorkflows({ url, hosts, log, onLeaseLost: leaseLost(log) })
        : undefined;
    const listening = await subgraph.listen?.(db);
    ends.push(async () => {
      await listening?.close(drainDeadlineMs / 2);
      await engine?.stop(drainDeadlineMs / 2);
      working.abort(new Error('the process stops'));
      await workers;
    });
  }
  const admin = await startAdminServer({
    ...config.admin,
    registry: new Registry(),
    ready: {
      database: async () => {
        await db.across((tx) => tx.query('select 1'));
        return undefined;
      },
    },
  });
  return async (): Promise<void> => {
    await Promise.all(ends.map((end) => end()));
    await subgraph.close?.();
    await db.close();
    await admin.close();
  };
}

function leaseLost(log: Log): () => void {
  return () => {
    log.fatal('the lease of this process was lost');
    process.exit(1);
  };
}

const drainDeadlineMs = 20_000;

try {
  const { name, part } = asked(process.argv.slice(2));
  const config = loadConfig();
  const log = createLog(config.log);
  const end = await start(name, part, config, log);
  const stop = (): void => {
    setTimeout(() => process.exit(1), drainDeadlineMs).unref();
    void end().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
} catch (cause) {
  const told = cause instanceof Usage || cause instanceof ConfigError;
  const text = cause instanceof Error ? (told ? cause.message : cause.stack) : String(cause);
  process.stderr.write(`${text ?? 'failed'}\n`);
  process.exit(told ? 78 : 1);
}
