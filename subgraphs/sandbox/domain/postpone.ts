import { budgetsMs } from './job-deadline.ts';

const postponeMsMin = 2_000;
const postponeMsMax = 60_000;

/**
 * How long a job stays away that the runner had no room for: longer each time,
 * so that many who wait for the same room do not ask for it all the time.
 */
export function postponedForMs(postponed: number): number {
  return Math.min(postponeMsMax, postponeMsMin * 2 ** Math.min(postponed, 20));
}

/** Until when a job may be kept from running by others than us: no longer than it may wait for its turn. */
export function mayWaitUntil(createdAt: Date): Date {
  return new Date(createdAt.getTime() + budgetsMs.QUEUED);
}
