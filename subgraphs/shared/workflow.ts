import type { TenantDatabase } from './context.ts';
import type { Tx } from './db.ts';
import type { JsonValue } from './json.ts';
import type { Log } from './log.ts';

export interface StepOptions {
  /** How often the effect is tried in all while it throws; then the step throws. */
  readonly attemptsMax?: number;
  /** Before the second try; doubled each time, up to a minute. */
  readonly retryDelayMs?: number;
}

/**
 * One execution of a workflow: a program whose steps are recorded, so that a
 * crash goes on after the last recorded one.
 *
 * The body is run again from its start after a crash and is given the recorded
 * results; it must ask for the same operations in the same order, whatever the
 * time and whatever happened elsewhere. Names of operations are data: one that
 * may be in flight is never renamed.
 */
export interface Run {
  readonly id: string;
  readonly tenant: string;
  readonly log: Log;
  /** The subgraph's tables as the run's tenant may use them, for what a long step writes as it goes. */
  readonly db: TenantDatabase;
  /** Aborts when this process stops or has lost its lease: the run goes on elsewhere. */
  readonly signal: AbortSignal;
  /**
   * Has an effect outside and records its result. At least once: a crash before
   * the record repeats the effect, so it needs a key of its own.
   */
  step<T>(name: string, effect: () => Promise<T>, options?: StepOptions): Promise<T>;
  /**
   * Works in one transaction of the run's tenant, exactly once: the result is
   * recorded in the same transaction. Waits for a database that is away.
   */
  tx<T>(name: string, work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Waits for a signal on a topic and gives its payload, or undefined once the
   * time is over. Survives restarts, for days, with the same deadline.
   */
  wait(topic: string, timeoutMs: number): Promise<JsonValue | undefined>;
  sleep(ms: number): Promise<void>;
  /** The time, recorded: the same in each replay. */
  now(): Promise<Date>;
  /**
   * Whether the run began on a release that has this change of the body, one of
   * the workflow's `patches`: an `if` around new operations lets runs that wait
   * across a release go on as they began.
   */
  patched(name: string): Promise<boolean>;
}

/** A durable program: what a resolver starts, and what a worker runs. */
export interface Workflow<Input, Deps> {
  readonly name: string;
  readonly body: (run: Run, input: Input, deps: Deps) => Promise<void>;
  /** Changes of the body that runs may have begun without. */
  readonly patches: readonly string[];
  /**
   * Starts a run when the transaction commits, and not if it does not. The id is
   * made before: a second start with it is none.
   */
  start(tx: Tx, runId: string, input: Input): Promise<void>;
  /** Gives a run a signal when the transaction commits. One that is over ignores it. */
  signal(tx: Tx, runId: string, topic: string, payload: JsonValue): Promise<void>;
  /**
   * Stops a run where it is when the transaction commits. Nothing is taken back:
   * a run that has effects to take back is sent a signal instead.
   */
  cancel(tx: Tx, runId: string): Promise<void>;
}

/**
 * Defines a durable program under a name of the form `<subgraph>.<verb>`.
 *
 * A run keeps, from its start, the names of the patches that its release had. A
 * process of a release without one of them leaves the run to a newer process.
 */
export function defineWorkflow<Input extends object, Deps>(
  name: string,
  body: Workflow<Input, Deps>['body'],
  { patches = [] }: { readonly patches?: readonly string[] } = {},
): Workflow<Input, Deps> {
  return {
    name,
    body,
    patches,
    async start(tx, runId, input) {
      await tx.query(
        `insert into workflow_start (id, tenant_id, workflow, input) values ($1, $2, $3, $4)
         on conflict do nothing`,
        [runId, tx.tenant, name, JSON.stringify(input)],
      );
      tx.wakeAfterCommit(workflowTopic(name));
    },
    signal: (tx, runId, topic, payload) => leaveSignal(tx, name, runId, topic, payload),
    cancel: (tx, runId) => leaveSignal(tx, name, runId, cancelTopic, null),
  };
}

async function leaveSignal(
  tx: Tx,
  workflow: string,
  runId: string,
  topic: string,
  payload: JsonValue,
): Promise<void> {
  await tx.query(
    'insert into workflow_signal (tenant_id, run_id, topic, payload) values ($1, $2, $3, $4)',
    [tx.tenant, runId, topic, JSON.stringify(payload)],
  );
  tx.wakeAfterCommit(workflowTopic(workflow));
}

/** No workflow waits on this topic: it stands for the end of the run. */
export const cancelTopic = '(cancel)';

/** What wakes the workers of a subgraph when there is something to start or to tell. */
export function workflowTopic(workflow: string): string {
  return `workflows/${workflow.split('.')[0] ?? workflow}`;
}
