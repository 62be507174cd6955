import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'pg';
import { allScopes, developmentToken } from '../../infra/embedded/issuer.ts';
import { superuser } from '../../infra/embedded/postgres-cluster.ts';
import { startPostgres } from '../../infra/embedded/postgres.ts';
import type { Postgres } from '../../infra/embedded/postgres.ts';
import { loadConfig } from '../../subgraphs/shared/config.ts';
import { createLog } from '../../subgraphs/shared/log.ts';
import { freePort, postTo } from '../support/product.ts';
import { Crew, familyOf } from './crew.ts';
import type { Death } from './crew.ts';
import { follow } from './follower.ts';
import type { Followed } from './follower.ts';
import type { Planned } from './kinds.ts';
import { jobsToKill, kindOf } from './kinds.ts';
import { asking } from './tables.ts';
import type { Ask, Expected } from './tables.ts';

/** How often points that were missed are tried again, and the first time. */
const roundsMax = 3;
const workers = ['worker 1', 'worker 2'];
const leaseMs = 5_000;
/** For so long the jobs of a process get on before it dies. */
const lifeMsMin = 1_200;
const gatewayLifeMs = 12_000;
const everythingKillMs = 60_000;
/** So many deaths of workers are told at once; the next is left to its lease. */
const toldDeaths = 4;

/** Every so many jobs one is followed. */
const jobsPerFollower = 2;

export const clients = ['graphql-ws', 'graphql-sse', 'Apollo Client over multipart'] as const;
const tenants = ['acme', 'globex'] as const;

export type Submitted = Expected & Planned;

/** What happened in a lane. */
export interface Story {
  readonly ask: Ask;
  /** Where its runner keeps attempts. */
  readonly runnerRoot: string;
  /** Where it keeps what jobs left. */
  readonly artifactsRoot: string;
  readonly jobs: readonly Submitted[];
  readonly followed: readonly Followed[];
  readonly deaths: readonly Death[];
  readonly gatewayKills: number;
  readonly everythingKills: number;
  /** Points at which a worker has died: job, then point. */
  readonly pointKills: readonly string[];
}

/**
 * A product of its own — a database, a gateway, two workers — that lives through
 * its jobs while its parts are killed.
 */
export class Lane {
  readonly #folder: string;
  /** A file for each point at which a worker has died. */
  readonly #marks: string;
  readonly #late: AbortSignal;
  readonly #ended = new AbortController();
  readonly #tokens = new Map<string, string>();
  #postgres!: Postgres;
  #owner!: Pool;
  #crew!: Crew;
  #url = '';
  #gatewayKills = 0;
  #everythingKills = 0;
  #workerDeaths = 0;
  #working = false;

  constructor(folder: string, late: AbortSignal) {
    this.#folder = folder;
    this.#marks = join(folder, 'marks');
    this.#late = late;
  }

  async open(): Promise<void> {
    await mkdir(this.#marks, { recursive: true });
    await this.#openPostgres(await freePort());
    const asSuperuser = new URL(this.#postgres.url);
    asSuperuser.username = superuser;
    this.#owner = new Pool({ connectionString: asSuperuser.href, max: 3 });
    this.#owner.on('error', () => undefined);
    const env = {
      DATABASE_URL: this.#postgres.url,
      FORGE_DATA_DIR: join(this.#folder, 'data'),
      FORGE_PORT: String(await freePort()),
      FORGE_POOL_MAX: '3',
      FORGE_LOG_LEVEL: 'warn',
    };
    this.#url = `http://127.0.0.1:${env.FORGE_PORT}/graphql`;
    this.#crew = new Crew(env, join(this.#folder, 'log'), (death) => {
      this.#tell(death);
    });
    await this.#crew.keep('gateway', 'front.js');
    for (const tenant of tenants) {
      const asked = { tenant, subject: 'alice', scopes: allScopes, ttlSeconds: 7_200 };
      this.#tokens.set(tenant, await developmentToken(loadConfig(env), asked));
    }
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await this.#crew.end();
    await this.#owner.end();
    await this.#postgres.stop();
  }

  /** Takes jobs to their ends, while everything is killed again and again. */
  async live(planned: readonly Planned[]): Promise<Story> {
    const killing = [this.#killGatewayNowAndThen()];
    const jobs: Submitted[] = [];
    const following: Promise<Followed>[] = [];
    let missed = planned;
    for (let round = 0; round < roundsMax && missed.length > 0; round += 1) {
      const fresh = await this.#submit(missed, round);
      jobs.push(...fresh);
      const followed = fresh.filter((_job, index) => index % jobsPerFollower === 0);
      following.push(...followed.map((job, index) => this.#follow(job, index)));
      await this.#work(jobs);
      if (round === 0) killing.push(this.#killEverythingNowAndThen());
      await Promise.all([this.#cancelOnceRunning(fresh), this.#untilOver()]);
      missed = await this.#missed(fresh);
    }
    this.#ended.abort();
    await Promise.all(killing);
    return {
      ask: asking(this.#owner),
      runnerRoot: join(this.#folder, 'data', 'sandbox'),
      artifactsRoot: join(this.#folder, 'data', 'artifacts'),
      jobs,
      followed: await Promise.all(following),
      deaths: this.#crew.deaths,
      gatewayKills: this.#gatewayKills,
      everythingKills: this.#everythingKills,
      pointKills: await this.#pointKills(),
    };
  }

  /** Has the workers work, and die as is planned for these jobs. */
  async #work(jobs: readonly Submitted[]): Promise<void> {
    const points = Object.fromEntries(jobs.map(({ id, points: own }) => [id, own]));
    const planFile = join(this.#folder, 'plan.json');
    await writeFile(planFile, JSON.stringify({ marks: this.#marks, lifeMsMin, points }));
    for (const worker of workers) {
      // One that is there already is to read the new plan.
      if (this.#crew.kill(worker) || this.#working) continue;
      await this.#crew.keep(worker, 'killed-worker.js', [planFile, String(leaseMs)]);
    }
    this.#working = true;
  }

  async #pointKills(): Promise<string[]> {
    return (await readdir(this.#marks)).map((mark) => mark.replaceAll('|', '/'));
  }

  /** A point that a job passed while its process died of another one's is tried with a new job. */
  async #missed(jobs: readonly Submitted[]): Promise<Planned[]> {
    const done = new Set(await this.#pointKills());
    return jobsToKill((kind) =>
      jobs
        .filter((job) => job.kind === kind)
        .flatMap(({ id, points }) => points.filter((point) => !done.has(`${id}~${point}`))),
    );
  }

  async #openPostgres(port: number): Promise<void> {
    const log = createLog({ level: 'silent' });
    for (;;) {
      this.#late.throwIfAborted();
      try {
        this.#postgres = await startPostgres({ dataDir: this.#folder, log, port });
        return;
      } catch {
        // It recovers for longer than a start may take on a machine that is busy.
      }
    }
  }

  /** Most deaths are told to the database, as if the lease were over: that saves its time. */
  #tell({ who, said }: Death): void {
    const [, executor] = /^ready (executor_\S+)$/m.exec(said) ?? [];
    if (who === 'gateway' || executor === undefined) return;
    this.#workerDeaths += 1;
    if (this.#workerDeaths % (toldDeaths + 1) === 0) return;
    void asking(this.#owner)(
      'update forge.executor set lease_until = clock_timestamp() where id = $1',
      [executor],
    ).catch(() => undefined);
  }

  /** Asks until there is an answer: with its key, asking again changes nothing. */
  async #ask(
    tenant: string,
    query: string,
    variables: Record<string, unknown>,
  ): Promise<Record<string, unknown>> {
    for (;;) {
      this.#late.throwIfAborted();
      try {
        const token = this.#tokens.get(tenant) ?? '';
        const { data, errors } = await postTo(this.#url, token, query, variables);
        if (data && !errors) return data;
      } catch {
        // The gateway is away.
      }
      await wait(200);
    }
  }

  #submit(planned: readonly Planned[], round: number): Promise<Submitted[]> {
    return Promise.all(
      planned.map(async ({ kind, points }, index) => {
        const tenant = tenants[index % tenants.length] ?? 'acme';
        const idempotencyKey = `kill-${String(round)}-${String(index)}`;
        const input = { idempotencyKey, spec: kindOf(kind).spec };
        const data = await this.#ask(tenant, submitMutation, { input });
        const { submitJob } = data as { submitJob: { job?: { id: string } } };
        if (!submitJob.job) throw new Error(JSON.stringify(submitJob));
        return { id: submitJob.job.id, tenant, kind, points };
      }),
    );
  }

  #follow({ id, tenant }: Submitted, index: number): Promise<Followed> {
    const token = this.#tokens.get(tenant) ?? '';
    const gateway = { url: this.#url, wsUrl: this.#url.replace('http', 'ws'), token };
    const client = clients[index % clients.length] ?? 'graphql-ws';
    const isUp = (): boolean => this.#crew.readyForMs('gateway') > 0;
    return follow(gateway, client, id, { signal: this.#late, isUp });
  }

  /** Cancels the jobs that are to be cancelled, each once it has printed for a while. */
  async #cancelOnceRunning(jobs: readonly Submitted[]): Promise<void> {
    const waiting = new Set(jobs.filter(({ kind }) => kindOf(kind).cancelled));
    while (waiting.size > 0 && !this.#late.aborted) {
      await wait(500);
      const printed = await asking(this.#owner)<{ id: string }>(printedSql).catch(() => []);
      const ripe = [...waiting].filter((job) => printed.some(({ id }) => id === job.id));
      for (const job of ripe) {
        waiting.delete(job);
        const input = { id: job.id, reason: 'enough', idempotencyKey: `cancel-${job.id}` };
        await this.#ask(job.tenant, cancelMutation, { input });
      }
    }
  }

  /** Waits until every job is over and nothing is under way any more. */
  async #untilOver(): Promise<void> {
    while (!this.#late.aborted) {
      await wait(500);
      const [left] = await asking(this.#owner)<{ n: number }>(leftSql).catch(() => []);
      if (left?.n === 0) return;
    }
  }

  async #killGatewayNowAndThen(): Promise<void> {
    while (await this.#pause(500)) {
      if (this.#crew.readyForMs('gateway') < gatewayLifeMs * (0.5 + Math.random())) continue;
      if (this.#crew.kill('gateway')) this.#gatewayKills += 1;
    }
  }

  /** Kills everything at once, the database with its processes as well. */
  async #killEverythingNowAndThen(): Promise<void> {
    while (await this.#pause(everythingKillMs * (0.5 + Math.random()))) {
      this.#everythingKills += 1;
      await this.#crew.killAll(async () => {
        const { port } = new URL(this.#postgres.url);
        for (const pid of await familyOf(`port=${port}`)) {
          try {
            process.kill(pid, 'SIGKILL');
          } catch {
            // It ended with its parent.
          }
        }
        await this.#openPostgres(Number(port));
      });
    }
  }

  /** False once it is over. */
  async #pause(ms: number): Promise<boolean> {
    const signal = AbortSignal.any([this.#ended.signal, this.#late]);
    await wait(ms, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  }
}

const submitMutation = `mutation ($input: SubmitJobInput!) {
  submitJob(input: $input) { ... on SubmitJobSuccess { job { id } } ... on Refusal { code message } }
}`;

const cancelMutation = `mutation ($input: CancelJobInput!) {
  cancelJob(input: $input) { __typename ... on Refusal { code message } }
}`;

const printedSql = `select job.id from sandbox.job join sandbox.log_chunk on job_id = job.id
  where state = 'RUNNING' group by job.id having count(*) >= 3`;

const leftSql = `select (select count(*) from sandbox.job where finished_at is null)::int
    + (select count(*) from forge.message)::int
    + (select count(*) from dbos.workflow_status where status in ('PENDING', 'ENQUEUED'))::int
    + (select count(*) from sandbox.workflow_start)::int as n`;
