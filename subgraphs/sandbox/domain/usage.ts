/** What an attempt used, as far as it was seen. */
export interface AttemptUse {
  readonly startedAt: Date | null;
  /** When its program ended, or undefined while it runs. */
  readonly finishedAt: Date | null;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly memoryPeakBytes: number;
}

export interface JobUse {
  readonly billableMs: number;
  readonly cpuMs: number;
  readonly memoryPeakBytes: number;
}

/** Wall time from a program's start to its end, never negative, whatever clocks say. */
export function wallMsBetween(startedAt: Date, finishedAt: Date): number {
  return Math.max(0, Math.round(finishedAt.getTime() - startedAt.getTime()));
}

/**
 * Adds up what all attempts of a job used until now.
 *
 * A program that runs has used the time until now, also between two samples. A
 * job of which nothing ran has no usage.
 */
export function jobUse(attempts: readonly AttemptUse[], now: Date): JobUse | null {
  const ran = attempts.filter(({ startedAt }) => startedAt !== null);
  if (ran.length === 0) return null;
  return {
    billableMs: sum(ran.map((attempt) => billableMs(attempt, now))),
    cpuMs: sum(ran.map(({ cpuMs }) => cpuMs)),
    memoryPeakBytes: Math.max(...ran.map(({ memoryPeakBytes }) => memoryPeakBytes)),
  };
}

function billableMs({ startedAt, finishedAt, wallMs }: AttemptUse, now: Date): number {
  if (finishedAt !== null || startedAt === null) return wallMs;
  return Math.max(wallMs, wallMsBetween(startedAt, now));
}

/**
 * When a program ended whose end nobody saw: at its last sign of life, and
 * within the time it was given.
 */
export function lastKnownEnd(
  startedAt: Date,
  lastSeenAt: Date | null,
  timeoutSeconds: number,
): Date {
  const mostMs = startedAt.getTime() + timeoutSeconds * 1_000;
  const seenMs = (lastSeenAt ?? startedAt).getTime();
  return new Date(Math.max(startedAt.getTime(), Math.min(seenMs, mostMs)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
