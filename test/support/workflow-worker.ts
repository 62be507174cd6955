/**
 * A process with durable programs, for tests that kill it:
 * `node workflow-worker.ts <url> <release>`. It says `ready` once it works.
 */
import process from 'node:process';
import { openDatabase } from '../../subgraphs/shared/db.ts';
import type { Database } from '../../subgraphs/shared/db.ts';
import { createLog } from '../../subgraphs/shared/log.ts';
import { startWorkflows } from '../../subgraphs/shared/workflow-engine.ts';
import { sampleSubgraph } from './workflow-sample.ts';

const [url = '', release = '1'] = process.argv.slice(2);
const log = createLog({ level: 'warn' });
const subgraph = sampleSubgraph(Number(release));
const db: Database = await openDatabase({
  url,
  name: subgraph.name,
  entities: [],
  poolMax: 4,
  log,
});
const engine = await startWorkflows({
  url,
  hosts: [{ db, workflows: subgraph.workflows, deps: { db } }],
  log,
  leaseMs: 2_000,
  onLeaseLost: () => {
    process.stdout.write('lease lost\n');
    process.exit(3);
  },
});
process.once('SIGTERM', () => {
  void engine
    .stop(3_000)
    .then(() => db.close())
    .then(() => process.exit(0));
});
process.stdout.write('ready\n');
