import { DBOS, Error as dbosErrors } from '@dbos-inc/dbos-sdk';
import type { Database, Tx } from './db.ts';
import { isConnectionLost } from './db.ts';
import type { JsonValue } from './json.ts';
import type { Log } from './log.ts';
import { isAborted, sleep } from './time.ts';
import type { Run } from './workflow.ts';

/** Counts what is being done right now, so that a stopping process can wait for it. */
export class InFlight {
  #count = 0;
  #waiting: (() => void)[] = [];

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#count += 1;
    try {
      return await work();
    } finally {
      this.#count -= 1;
      if (this.#count === 0) for (const done of this.#waiting.splice(0)) done();
    }
  }

  /** Resolves once nothing is being done. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

export interface RunOptions {
  readonly id: string;
  readonly tenant: string;
  readonly db: Database;
  readonly workflow: string;
  /** The changes of the program that this release has. */
  readonly patches: readonly string[];
  /** Those that it had when the run began. */
  readonly began: readonly string[];
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly inFlight: InFlight;
}

/** A run, and the end of its own records. */
export interface DurableRun extends Run {
  /**
   * Rejects when the run was cancelled, or goes on in another process. Its program
   * is not told: it stands still, so that it takes neither for a failure of its own.
   */
  readonly givenUp: Promise<never>;
  /** Stands still when the run began on a newer release than this process has. */
  ready(): Promise<void>;
  /** Removes the records of its transactions, once the whole run is recorded. */
  forget(): Promise<void>;
}

const stepAttemptsMax = 5;
const retryDelayMs = 500;
const retryDelayMsMax = 60_000;
const databaseRetryMsMax = 5_000;

/** Makes the handle of a run that DBOS is executing. */
export function createRun(options: RunOptions): DurableRun {
  const { id, tenant, db, workflow, signal, inFlight, patches, began } = options;
  const log = options.log.child({ runId: id, workflow });
  const givenUp = Promise.withResolvers<never>();
  const unlessGivenUp = async <T>(operation: () => Promise<T>): Promise<T> => {
    try {
      return await operation();
    } catch (cause) {
      if (!isGivenUp(cause)) throw cause;
      givenUp.reject(cause);
      return standStill();
    }
  };
  const recorded = <T>(name: string, work: () => Promise<T>): Promise<T> =>
    unlessGivenUp(() =>
      DBOS.runStep(() => inFlight.during(() => stillHere(signal, work)), { name }),
    );

  return {
    id,
    tenant,
    log,
    givenUp: givenUp.promise,
    db: { name: db.name, wakeups: db.wakeups, tx: (work) => db.tx(tenant, work) },
    signal,
    step: (name, effect, { attemptsMax = stepAttemptsMax, retryDelayMs: firstMs } = {}) =>
      recorded(name, () => tried(effect, attemptsMax, firstMs ?? retryDelayMs, signal)),
    tx: (name, work) => recorded(name, () => onceInTenant(db, { tenant, id, name }, work, signal)),
    wait: (topic, timeoutMs) =>
      unlessGivenUp(() =>
        stillHere(signal, async () => {
          const timeoutSeconds = Math.max(timeoutMs, 1) / 1_000;
          const message = await DBOS.recv<{ payload: JsonValue }>(topic, { timeoutSeconds });
          return message?.payload;
        }),
      ),
    sleep: (ms) => unlessGivenUp(() => stillHere(signal, () => DBOS.sleepms(ms))),
    now: () => unlessGivenUp(async () => new Date(await DBOS.now())),
    patched(name) {
      if (patches.includes(name)) return Promise.resolve(began.includes(name));
      return Promise.reject(new Error(`${name} is not among the patches of ${workflow}.`));
    },
    async ready() {
      if (began.every((name) => patches.includes(name))) return;
      log.warn('this run began on a newer release and waits for a process of it');
      await standStill();
    },
    async forget() {
      await recorded('(forget)', () =>
        untilDatabase(signal, () =>
          db.tx(tenant, (tx) => tx.query('delete from workflow_step where run_id = $1', [id])),
        ),
      ).then(() => undefined);
    },
  };
}

/** The run was cancelled, or goes on in another process. */
export function isGivenUp(err: unknown): boolean {
  return (
    err instanceof dbosErrors.DBOSWorkflowCancelledError ||
    err instanceof dbosErrors.DBOSWorkflowConflictError
  );
}

/**
 * Does something while this process may. A process that stops records neither a
 * result nor an error of what it gave up: the run stands still until it goes on
 * elsewhere.
 */
async function stillHere<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (signal.aborted) return standStill();
  try {
    return await work();
  } catch (cause) {
    if (isAborted(signal)) return standStill();
    throw cause;
  }
}

function standStill(): Promise<never> {
  return new Promise(() => undefined);
}

async function tried<T>(
  effect: () => Promise<T>,
  attemptsMax: number,
  firstDelayMs: number,
  signal: AbortSignal,
): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await effect();
    } catch (cause) {
      if (attempts >= attemptsMax || signal.aborted) throw cause;
      const delayMs = Math.min(retryDelayMsMax, firstDelayMs * 2 ** (attempts - 1));
      await sleep(delayMs * (0.5 + Math.random() / 2), signal);
    }
  }
}

interface TxName {
  readonly tenant: string;
  readonly id: string;
  readonly name: string;
}

/** The result is a row of the same transaction: who comes again is given it. */
function onceInTenant<T>(
  db: Database,
  { tenant, id, name }: TxName,
  work: (tx: Tx) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return untilDatabase(signal, () =>
    db.tx(tenant, async (tx) => {
      const claimed: unknown[] = await tx.query(
        `insert into workflow_step (tenant_id, run_id, name) values ($1, $2, $3)
         on conflict do nothing returning name`,
        [tenant, id, name],
      );
      if (claimed.length === 0) {
        const [known]: { output: T }[] = await tx.query(
          'select output from workflow_step where run_id = $1 and name = $2',
          [id, name],
        );
        return known?.output as T;
      }
      const value = await work(tx);
      await tx.query('update workflow_step set output = $3 where run_id = $1 and name = $2', [
        id,
        name,
        value === undefined ? null : JSON.stringify(value),
      ]);
      return value;
    }),
  );
}

/** Waits for a database that is away; anything else that goes wrong is thrown. */
async function untilDatabase<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await work();
    } catch (cause) {
      if (!isConnectionLost(cause)) throw cause;
      await sleep(Math.min(databaseRetryMsMax, 100 * 2 ** Math.min(failures, 10)), signal);
    }
  }
}
