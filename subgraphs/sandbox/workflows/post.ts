import { ForgeError } from '../../shared/errors.ts';
import { sleep } from '../../shared/time.ts';
import type { AttemptSight } from '../providers/runner.ts';
import { findAttempt } from '../store/attempts.ts';
import { jobTopic } from '../store/facts.ts';
import { findJob } from '../store/jobs.ts';
import type { AttemptRow, JobRow } from '../store/rows.ts';
import type { Flow } from './flow.ts';
import { writing } from './flow.ts';

const lookAgainMs = 50;

/**
 * Where somebody watches a program from: what is known of the job, looked up
 * again when something changed, and when the next look is due.
 */
export class Post implements Disposable {
  job!: JobRow;
  startedAt: Date | null = null;
  position = '';
  readonly #flow: Flow;
  readonly #off: () => void;
  #lookedAt = -Infinity;
  #sampledAt = -Infinity;
  #woken = new AbortController();

  constructor(flow: Flow) {
    this.#flow = flow;
    this.#off = flow.run.db.wakeups.on(jobTopic(flow.ref.jobId), () => {
      this.#lookedAt = -Infinity;
      this.#woken.abort();
      this.#woken = new AbortController();
    });
  }

  /** Looks the job up, unless that was done a moment ago and nothing changed since. */
  async look(): Promise<this> {
    const { deps, ref } = this.#flow;
    const now = this.#now();
    if (now - this.#lookedAt < deps.pace.lookMs) return this;
    this.#lookedAt = now;
    const [job, attempt] = await writing(this.#flow, async (tx) => [
      await findJob(tx, ref.jobId),
      await findAttempt(tx, ref.jobId, ref.attempt),
    ]);
    if (!job || !attempt) throw new ForgeError('INTERNAL', `Job ${ref.jobId} is gone.`);
    this.#take(job, attempt);
    return this;
  }

  #take(job: JobRow, attempt: AttemptRow): void {
    this.job = job;
    this.startedAt = attempt.startedAt;
    this.position = attempt.position;
    if (this.#sampledAt === -Infinity && attempt.startedAt) {
      this.#sampledAt = attempt.startedAt.getTime();
    }
  }

  /** Has the next look be a new one: what is known may be old. */
  forget(): void {
    this.#lookedAt = -Infinity;
  }

  isCancelling(): boolean {
    return this.job.state === 'CANCELLING';
  }

  /** Whether the program should have started by now. Not while nothing is known of the job. */
  isStartOverdue(): boolean {
    const known = this.job as JobRow | undefined;
    return known !== undefined && known.state !== 'RUNNING' && this.isOverdue(0);
  }

  isOverdue(graceMs: number): boolean {
    const { deadlineAt } = this.job;
    return deadlineAt !== null && this.#now() > deadlineAt.getTime() + graceMs;
  }

  isDeadlineNear(marginMs: number): boolean {
    const { deadlineAt } = this.job;
    return deadlineAt !== null && this.#now() > deadlineAt.getTime() - marginMs;
  }

  isSampleDue(): boolean {
    return this.#now() - this.#sampledAt >= this.#flow.deps.pace.sampleMs;
  }

  sampled(): void {
    this.#sampledAt = this.#now();
  }

  /** Waits for output, another kind of sight, a change of the job, or the time, whichever is first. */
  async wait(kind: AttemptSight['kind'], ms: number): Promise<void> {
    const { run, deps, ref } = this.#flow;
    const woken = this.#woken.signal;
    const sampleInMs = this.#sampledAt + deps.pace.sampleMs - this.#now();
    const timeoutMs = Math.max(1, Math.min(ms, kind === 'running' ? sampleInMs : ms));
    const seen = { position: this.position, kind };
    try {
      const signal = AbortSignal.any([run.signal, woken]);
      await deps.runner.wait(ref, seen, { timeoutMs }, { signal });
    } catch (err) {
      if (run.signal.aborted || !woken.aborted) throw err;
    }
  }

  /** Lets output gather for a while, unless the program ends or the job changes meanwhile. */
  async waitForEnd(ms: number): Promise<void> {
    const { run, deps, ref } = this.#flow;
    const woken = this.#woken.signal;
    for (let leftMs = ms; leftMs > 0 && !woken.aborted; leftMs -= lookAgainMs) {
      await sleep(Math.min(leftMs, lookAgainMs), run.signal);
      const { kind } = await deps.runner.look(ref, { signal: run.signal });
      if (kind !== 'running') return;
    }
  }

  [Symbol.dispose](): void {
    this.#off();
  }

  #now(): number {
    return this.#flow.deps.clock.now().getTime();
  }
}
