import { randomUUID } from 'node:crypto';
import { DBOS, Error as dbosErrors } from '@dbos-inc/dbos-sdk';
import { Pool } from 'pg';
import type { Database } from './db.ts';
import { holdLease, leaseMs } from './executor-lease.ts';
import type { JsonValue } from './json.ts';
import type { Log } from './log.ts';
import { inParallel } from './parallel.ts';
import { isAborted, sleep } from './time.ts';
import { bellOf, pollMs } from './wakeups.ts';
import { cancelTopic, workflowTopic } from './workflow.ts';
import type { Workflow } from './workflow.ts';
import { createRun, InFlight, isGivenUp } from './workflow-run.ts';
import type { DurableRun } from './workflow-run.ts';

/** The durable programs of one subgraph and what they work with. */
export interface WorkflowHost {
  readonly db: Database;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly workflows: readonly Workflow<any, any>[];
  readonly deps: unknown;
}

export interface WorkflowEngineOptions {
  readonly url: string;
  readonly hosts: readonly WorkflowHost[];
  readonly log: Log;
  /** How long this process counts as alive after it last said so. */
  readonly leaseMs?: number;
  /** Called when others may have taken over: this process must do nothing more, and end. */
  readonly onLeaseLost: () => void;
}

export interface WorkflowEngine {
  readonly executorId: string;
  /** Stops where it is: what is under way goes on in another process, or in the next one. */
  stop(deadlineMs: number): Promise<void>;
}

/** Runs begin and end on any release: what differs between releases is asked by `run.patched`. */
const applicationVersion = 'forge';
const applicationName = 'forge';
const systemSchema = 'dbos';
const recoveriesMax = 10_000;

/**
 * Runs durable programs in this process, on DBOS Transact over Postgres.
 *
 * A process holds a lease while it lives. When one dies, whoever notices takes
 * its runs over; a process that finds its own lease gone stops at once. Two
 * processes may still overlap for a moment, which is why a step's effect has a
 * key and a run's transaction records itself.
 */
export async function startWorkflows(options: WorkflowEngineOptions): Promise<WorkflowEngine> {
  const { url, hosts, log } = options;
  const executorId = `executor_${randomUUID()}`;
  const stopping = new AbortController();
  const inFlight = new InFlight();
  const leaseLifeMs = options.leaseMs ?? leaseMs;
  const pool = leasePool(url, leaseLifeMs, log);

  configure(options, executorId);
  const programs = registerAll(hosts, { log, signal: stopping.signal, inFlight });
  let launched = false;
  const names = hosts.map(({ db }) => db.name);
  // Before it can be given a run: the runs of a process that is not known are taken from it.
  const lease = await holdLease(
    { pool, executorId, subgraphs: names, systemSchema, leaseMs: leaseLifeMs, log },
    {
      mayTakeOver: () => launched,
      takeOver: (subgraph, runIds) => takeOver(subgraph, runIds, log),
      onLost: () => {
        stopping.abort(new Error('the lease of this process is over'));
        options.onLeaseLost();
      },
    },
  );
  await DBOS.launch();
  for (const { db } of hosts) {
    await DBOS.registerQueue(queueOf(db.name), {
      minPollingIntervalMs: 500,
      onConflict: 'always_update',
    });
  }

  launched = true;
  const dispatching = Promise.all(
    hosts.map((host) => dispatch(host, programs, { log, signal: stopping.signal })),
  );

  return {
    executorId,
    async stop(deadlineMs) {
      stopping.abort(new Error('the process stops'));
      await Promise.race([
        Promise.all([dispatching, inFlight.idle()]),
        new Promise((resolve) => setTimeout(resolve, deadlineMs).unref()),
      ]);
      await DBOS.shutdown({ deregister: true });
      await lease.release();
      await pool.end();
    },
  };
}

/** Connections of which none waits for longer than the lease lives: a silent network must not hide its end. */
function leasePool(url: string, leaseLifeMs: number, log: Log): Pool {
  const pool = new Pool({
    connectionString: url,
    max: 3,
    application_name: 'forge workflows',
    query_timeout: leaseLifeMs,
    connectionTimeoutMillis: leaseLifeMs,
  });
  pool.on('error', (err) => {
    log.warn({ err }, 'an idle database connection was lost');
  });
  return pool;
}

function configure({ url, hosts, log }: WorkflowEngineOptions, executorId: string): void {
  DBOS.setConfig({
    name: applicationName,
    systemDatabaseUrl: withIdleLimit(url),
    systemDatabaseIdleTransactionTimeoutMs: 0,
    systemDatabaseSchemaName: systemSchema,
    systemDatabasePoolSize: 10,
    applicationVersion,
    executorID: executorId,
    enableOTLP: false,
    tracingEnabled: false,
    listenQueues: hosts.map(({ db }) => queueOf(db.name)),
    logger: quietLogger(log),
  });
}

/**
 * Has the server end sessions that were left within a transaction. As a setting
 * of the connection: DBOS would send it as a query of its own, while pg already
 * sends another.
 */
function withIdleLimit(url: string): string {
  const limited = new URL(url);
  const options = limited.searchParams.get('options') ?? '';
  limited.searchParams.set('options', `${options} -c idle_in_transaction_session_timeout=60000`);
  return limited.href;
}

interface Program {
  readonly patches: readonly string[];
  start(runId: string, tenant: string, input: object): Promise<unknown>;
}
type Programs = ReadonlyMap<string, Program>;

function registerAll(
  hosts: readonly WorkflowHost[],
  process: { readonly log: Log; readonly signal: AbortSignal; readonly inFlight: InFlight },
): Programs {
  const programs = new Map<string, Program>();
  for (const { db, workflows, deps } of hosts) {
    for (const { name, body, patches } of workflows) {
      const execute = async (tenant: string, input: object, began: string[]): Promise<void> => {
        const id = DBOS.workflowID ?? '';
        const run = createRun({ id, tenant, db, workflow: name, patches, began, ...process });
        try {
          await Promise.race([run.givenUp, throughout(run, () => body(run, input, deps))]);
        } catch (err) {
          if (!isGivenUp(err)) run.log.error({ err }, 'a durable run broke');
          throw err;
        }
      };
      const program = DBOS.registerWorkflow(execute, { name, maxRecoveryAttempts: recoveriesMax });
      programs.set(name, {
        patches,
        start: (workflowID, tenant, input) =>
          DBOS.startWorkflow(program, { workflowID })(tenant, input, [...patches]),
      });
    }
  }
  return programs;
}

async function throughout(run: DurableRun, body: () => Promise<void>): Promise<void> {
  await run.ready();
  await body();
  await run.forget();
}

function queueOf(subgraph: string): string {
  return `forge-${subgraph}`;
}

/** Has the runs of a dead process go on, here or wherever the subgraph's queue is listened to. */
async function takeOver(subgraph: string, runIds: readonly string[], log: Log): Promise<void> {
  log.info({ subgraph, runs: runIds.length }, 'taking over the runs of a process that ended');
  await DBOS.resumeWorkflows([...runIds], { queueName: queueOf(subgraph) });
}

interface StartRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly workflow: string;
  readonly input: object;
}
interface SignalRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly run_id: string;
  readonly topic: string;
  readonly payload: JsonValue;
}

const batchMax = 200;
const parallelMax = 8;

/**
 * Starts runs and sends signals that committed transactions left, until the
 * signal aborts. Done twice, by two processes or after a crash, it is done once.
 */
async function dispatch(
  { db }: WorkflowHost,
  programs: Programs,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  const bell = bellOf(db.wakeups, workflowTopic(db.name));
  while (!signal.aborted) {
    bell.quiet();
    try {
      // Signals first: whoever left one may have left the start before it.
      const signals = await left<SignalRow>(db, 'workflow_signal');
      const starts = await left<StartRow>(db, 'workflow_start');
      await inParallel(starts, parallelMax, (row) => startRun(db, programs, row, log));
      await inParallel(signals, parallelMax, (row) => sendSignal(db, row));
      if (signals.length < batchMax && starts.length < batchMax) await bell.ring(pollMs, signal);
    } catch (err) {
      if (isAborted(signal)) break;
      log.warn({ err, subgraph: db.name }, 'runs cannot be started at the moment');
      await sleep(250, signal).catch(() => undefined);
    }
  }
  bell.remove();
}

function left<Row>(db: Database, table: 'workflow_start' | 'workflow_signal'): Promise<Row[]> {
  const order = table === 'workflow_start' ? 'created_at, id' : 'id';
  return db.across((tx) =>
    tx.query<Row>(`select * from ${table} order by ${order} limit $1`, [batchMax]),
  );
}

async function startRun(
  db: Database,
  programs: Programs,
  { id, tenant_id: tenant, workflow, input }: StartRow,
  log: Log,
): Promise<void> {
  const program = programs.get(workflow);
  if (!program) {
    log.error({ workflow, runId: id }, 'a run of a program that this release does not have waits');
    return;
  }
  await program.start(id, tenant, input);
  await removed(db, tenant, 'workflow_start', id);
}

async function sendSignal(db: Database, row: SignalRow): Promise<void> {
  const { id, tenant_id: tenant, run_id: runId, topic, payload } = row;
  try {
    if (topic === cancelTopic) await DBOS.cancelWorkflow(runId);
    else await DBOS.send(runId, { payload }, topic, `${db.name}/${id}`);
  } catch (cause) {
    if (!(cause instanceof dbosErrors.DBOSNonExistentWorkflowError)) throw cause;
    // Never started: its start is still to be done, or there is no such run.
    const waiting = await db.tx(tenant, (tx) =>
      tx.query<unknown[]>('select 1 from workflow_start where id = $1', [runId]),
    );
    if (waiting.length > 0) return;
  }
  await removed(db, tenant, 'workflow_signal', id);
}

async function removed(
  db: Database,
  tenant: string,
  table: 'workflow_start' | 'workflow_signal',
  id: string,
): Promise<void> {
  await db.tx(tenant, (tx) => tx.query(`delete from ${table} where id = $1`, [id]));
}

/** DBOS as the log knows it: what it says of every workflow is of interest when debugging only. */
function quietLogger(log: Log) {
  const dbos = log.child({ from: 'dbos' });
  const text = (entry: unknown): string => (entry instanceof Error ? entry.message : String(entry));
  return {
    info: (entry: unknown) => {
      dbos.debug(text(entry));
    },
    debug: (entry: unknown) => {
      dbos.trace(text(entry));
    },
    warn: (entry: unknown) => {
      dbos.info(text(entry));
    },
    error: (entry: unknown) => {
      dbos.error({ err: entry }, 'DBOS reported an error');
    },
  };
}
