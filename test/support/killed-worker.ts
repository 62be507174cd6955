/**
 * The workers of all subgraphs in a process that kills itself by plan:
 * `node killed-worker.js <plan file> <lease ms>`, configured as the product is.
 * It says `ready <executor>` once it works.
 */
import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import process from 'node:process';
import { makeSubgraph, subgraphNames } from '../../subgraphs/index.ts';
import type { SandboxDeps } from '../../subgraphs/sandbox/workflows/deps.ts';
import { loadConfig } from '../../subgraphs/shared/config.ts';
import { migrate } from '../../subgraphs/shared/db.ts';
import { openSubgraphDatabase, runWorkers } from '../../subgraphs/shared/host.ts';
import type { Subgraph } from '../../subgraphs/shared/host.ts';
import { loadKeys } from '../../subgraphs/shared/keys.ts';
import { createLog } from '../../subgraphs/shared/log.ts';
import { kernelTables } from '../../subgraphs/shared/tables.ts';
import { systemClock } from '../../subgraphs/shared/time.ts';
import type { Workflow } from '../../subgraphs/shared/workflow.ts';
import { startWorkflows } from '../../subgraphs/shared/workflow-engine.ts';
import { KillPoints } from './kill-points.ts';
import type { KillPlan } from './kill-points.ts';

const [planFile = '', lease = '5000'] = process.argv.slice(2);
const config = loadConfig();
const log = createLog(config.log);
const { databaseUrl: url = '', poolMax } = config;
const kernel = { log, clock: systemClock, keys: loadKeys(config.keys) };
const points = new KillPoints(JSON.parse(readFileSync(planFile, 'utf8')) as KillPlan);

const subgraphs = subgraphNames.map((name) => watched(makeSubgraph(name, config, kernel)));
await migrate(url, subgraphs, kernelTables);
const working = new AbortController();
const hosts = await Promise.all(
  subgraphs.map(async (subgraph) => {
    const db = points.database(await openSubgraphDatabase(subgraph, { url, poolMax, log }));
    return { subgraph, db, workflows: subgraph.workflows, deps: subgraph.deps };
  }),
);
const engine = await startWorkflows({
  ...{ url, hosts, log, leaseMs: Number(lease) },
  onLeaseLost: () => {
    process.exit(3);
  },
});
const workers = hosts.map(({ subgraph, db }) =>
  runWorkers(subgraph, db, { log, signal: working.signal }),
);
process.once('SIGTERM', () => {
  working.abort(new Error('the process stops'));
  void Promise.all([...workers, engine.stop(5_000)]).then(() => process.exit(0));
});
process.stdout.write(`ready ${engine.executorId}\n`);
flushCompileCache();

function watched(subgraph: Subgraph): Subgraph {
  const consumers = subgraph.consumers.map((one) => points.consumer(subgraph.name, one));
  if (subgraph.name !== 'sandbox') return { ...subgraph, consumers };
  const { runner, ...deps } = subgraph.deps as SandboxDeps;
  return {
    ...subgraph,
    consumers,
    workflows: subgraph.workflows.map((one: Workflow<{ jobId: string }, unknown>) =>
      points.workflow(one),
    ),
    deps: {
      ...deps,
      runner: points.runner(runner),
      // More at once, so that a kill meets jobs in many places.
      capacity: { jobs: 12, cpuMillicores: 100_000, memoryMib: 100_000 },
    },
  };
}
