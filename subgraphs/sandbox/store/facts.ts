import type { Tx } from '../../shared/db.ts';
import type { NewEvent, StoredEvent } from '../../shared/events.ts';
import { appendEvents } from '../../shared/events.ts';
import type { JobFact } from '../domain/job-fact.ts';

/** The log of one job. */
export function jobStream(jobId: string): string {
  return `job:${jobId}`;
}

/** Woken when something about a job changes that its run should know. */
export function jobTopic(jobId: string): string {
  return `sandbox/job/${jobId}`;
}

/** Woken when somebody may be admitted. */
export const lineTopic = 'sandbox/line';

/** Adds to what happened in a job. The caller holds the job's row: nothing comes after its end. */
export async function appendJobFacts(
  tx: Tx,
  jobId: string,
  facts: readonly JobFact[],
): Promise<void> {
  if (facts.length > 0) await appendEvents(tx, jobStream(jobId), facts.map(toEvent));
}

/** Reads a fact back. Only the function above writes to these logs. */
export function jobFactOf(event: StoredEvent): JobFact {
  return { ...(event.payload as object), type: event.type } as JobFact;
}

function toEvent({ type, ...payload }: JobFact): NewEvent {
  // Facts are plain data: what JSON keeps is all there is.
  return { type, payload: JSON.parse(JSON.stringify(payload)) as NewEvent['payload'] };
}
