import { AsyncLocalStorage } from 'node:async_hooks';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { Runner } from '../../subgraphs/sandbox/providers/runner.ts';
import type { Database, Tx } from '../../subgraphs/shared/db.ts';
import type { Consumer, Delivery } from '../../subgraphs/shared/outbox.ts';
import type { Run, StepOptions, Workflow } from '../../subgraphs/shared/workflow.ts';

/** Where a process is to kill itself: for each job, the points of its way. */
export interface KillPlan {
  /** A folder with a file for each point at which a process has died. */
  readonly marks: string;
  /** A process lives at least so long, so that the jobs of its neighbours get on. */
  readonly lifeMsMin: number;
  readonly points: Readonly<Record<string, readonly string[]>>;
}

/** The operation of a run that is under way. */
interface Scene {
  readonly jobId: string;
  readonly operation: string;
}

/**
 * Kills this process with SIGKILL at points of the way of a job, without the
 * product knowing: its runs, transactions, messages and runner are wrapped.
 *
 * Each point kills once, whichever process reaches it first. Names of points:
 *
 * | a point | is reached |
 * |---|---|
 * | `start:before` | when the operation is about to begin |
 * | `start:inside` | when a step has had its effect, before its record |
 * | `start:after` | when it is recorded |
 * | `watch/RUNNING:inside` | in a transaction of it that tells of RUNNING, before the commit |
 * | `watch/RUNNING:committed` | after that commit |
 * | `watch/progress+:inside` | in one that tells of progress after another has |
 * | `runner.start:before`, `:after` | around a call to the runner |
 * | `billing.sandbox.job-submitted:before`, `:inside`, `:committed` | as a message is taken |
 * | `admission:inside`, `:committed` | as the job is admitted |
 */
export class KillPoints {
  readonly #plan: KillPlan;
  readonly #bornAt = performance.now();
  readonly #scenes = new AsyncLocalStorage<Scene>();
  readonly #committed = new WeakMap<Tx, Scene[]>();

  constructor(plan: KillPlan) {
    this.#plan = plan;
  }

  /** Dies if the plan says so; comes back if not, or if somebody died here before. */
  async reach(jobId: string, point: string): Promise<void> {
    if (!this.#plan.points[jobId]?.includes(point)) return;
    const mark = join(this.#plan.marks, `${jobId}~${point.replaceAll('/', '|')}`);
    if (existsSync(mark)) return;
    const leftMs = this.#plan.lifeMsMin - (performance.now() - this.#bornAt);
    if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
    try {
      closeSync(openSync(mark, 'wx'));
    } catch {
      return;
    }
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => undefined);
  }

  /** A durable program whose operations are points, and so is its start. */
  workflow<Deps>(workflow: Workflow<{ jobId: string }, Deps>): Workflow<{ jobId: string }, Deps> {
    const { start } = workflow;
    // Others start it by the same object.
    return Object.assign(workflow, {
      start: async (tx: Tx, runId: string, input: { jobId: string }): Promise<void> => {
        await start(tx, runId, input);
        await this.#within(tx, { jobId: input.jobId, operation: 'admission' });
      },
      body: this.#body(workflow.body),
    });
  }

  #body<Deps>(body: Workflow<{ jobId: string }, Deps>['body']): typeof body {
    return async (run, input, deps) => {
      await this.reach(input.jobId, 'enter');
      await body(this.#run(run, input.jobId), input, deps);
      await this.reach(input.jobId, 'leave');
    };
  }

  #run(run: Run, jobId: string): Run {
    const around = async <T>(operation: string, work: () => Promise<T>): Promise<T> => {
      await this.reach(jobId, `${operation}:before`);
      const value = await this.#scenes.run({ jobId, operation }, work);
      await this.reach(jobId, `${operation}:after`);
      return value;
    };
    return {
      ...run,
      step: <T>(name: string, effect: () => Promise<T>, options?: StepOptions) =>
        around(name, () =>
          run.step(
            name,
            async () => {
              const value = await effect();
              await this.reach(jobId, `${name}:inside`);
              return value;
            },
            options,
          ),
        ),
      tx: <T>(name: string, work: (tx: Tx) => Promise<T>) => around(name, () => run.tx(name, work)),
    };
  }

  /** Tables whose transactions are points, named by the facts that they add to the job's log. */
  database(db: Database): Database {
    return {
      ...db,
      tx: async <T>(tenant: string, work: (tx: Tx) => Promise<T>): Promise<T> => {
        let committed: Scene[] = [];
        const value = await db.tx(tenant, async (tx) => {
          committed = [];
          this.#committed.set(tx, committed);
          return this.#telling(tx, () => work(tx));
        });
        for (const { jobId, operation } of committed) {
          await this.reach(jobId, `${operation}:committed`);
        }
        return value;
      },
    };
  }

  async #telling<T>(tx: Tx, work: () => Promise<T>): Promise<T> {
    const scene = this.#scenes.getStore();
    if (!scene || !this.#plan.points[scene.jobId]) return work();
    const { jobId, operation } = scene;
    const known = await factsAfter(tx, jobId, 0);
    const value = await work();
    for (const fact of await factsAfter(tx, jobId, known.length)) {
      await this.#within(tx, { jobId, operation: `${operation}/${fact}` });
      if (!known.includes(fact)) continue;
      await this.#within(tx, { jobId, operation: `${operation}/${fact}+` });
    }
    return value;
  }

  async #within(tx: Tx, scene: Scene): Promise<void> {
    this.#committed.get(tx)?.push(scene);
    await this.reach(scene.jobId, `${scene.operation}:inside`);
  }

  /** What a subgraph does with messages, each a point. */
  consumer(subgraph: string, { topic, handle }: Consumer): Consumer {
    return {
      topic,
      handle: async (delivery: Delivery<MessageOfJob, unknown>) => {
        const { payload, tx } = delivery;
        const jobId = payload.jobId ?? payload.target?.id ?? '';
        const operation = [
          subgraph,
          topic,
          ...(payload.action === undefined ? [] : [payload.action]),
        ].join('.');
        await this.reach(jobId, `${operation}:before`);
        await handle(delivery);
        await this.#within(tx, { jobId, operation });
      },
    };
  }

  /** Where programs run, each call a point. */
  runner(runner: Runner): Runner {
    const around = async <T>(jobId: string, name: string, work: () => Promise<T>): Promise<T> => {
      await this.reach(jobId, `runner.${name}:before`);
      const value = await work();
      await this.reach(jobId, `runner.${name}:after`);
      return value;
    };
    const reach = this.reach.bind(this);
    return {
      ...runner,
      start: (order, call) => around(order.key.jobId, 'start', () => runner.start(order, call)),
      look: async (key, call) => {
        const sight = await runner.look(key, call);
        await this.reach(key.jobId, `runner.look=${sight.kind}:after`);
        return sight;
      },
      read: (key, position, bounds, call) =>
        around(key.jobId, 'read', () => runner.read(key, position, bounds, call)),
      wait: (key, seen, bounds, call) =>
        around(key.jobId, 'wait', () => runner.wait(key, seen, bounds, call)),
      stop: (key, bounds, call) => around(key.jobId, 'stop', () => runner.stop(key, bounds, call)),
      remove: (key, call) => around(key.jobId, 'remove', () => runner.remove(key, call)),
      async *artifacts(key, call) {
        for await (const entry of runner.artifacts(key, call)) {
          await reach(key.jobId, 'runner.artifact:after');
          yield entry;
        }
      },
    };
  }
}

interface MessageOfJob {
  readonly jobId?: string;
  readonly target?: { readonly id: string };
  readonly action?: string;
}

/** States by their name, other facts by their type. */
async function factsAfter(tx: Tx, jobId: string, seq: number): Promise<string[]> {
  const rows: { name: string }[] = await tx.query(
    `select coalesce(case when type = 'job.state-changed' then payload ->> 'state' end, type) as name
     from event where tenant_id = $1 and stream = $2 and seq > $3 order by seq`,
    [tx.tenant, `job:${jobId}`, seq],
  );
  return rows.map(({ name }) => name.replace('job.', ''));
}
