import type { NewEvent, StoredEvent } from '../../shared/events.ts';
import { appendEvents } from '../../shared/events.ts';
import type { Tx } from '../../shared/db.ts';
import type { ApprovalFact, RunFact } from '../domain/run-fact.ts';

/** The log of one run. */
export function runStream(runId: string): string {
  return `run:${runId}`;
}

/** The log of all approvals of the tenant whose log it is. */
export const approvalStream = 'approvals';

export async function appendRunFacts(
  tx: Tx,
  runId: string,
  facts: readonly RunFact[],
): Promise<void> {
  await appendEvents(tx, runStream(runId), facts.map(toEvent));
}

export async function appendApprovalFact(tx: Tx, fact: ApprovalFact): Promise<void> {
  await appendEvents(tx, approvalStream, [toEvent(fact)]);
}

/** Reads a fact back. Only the functions above write to these logs. */
export function runFactOf(event: StoredEvent): RunFact {
  return { ...(event.payload as object), type: event.type } as RunFact;
}

/** Reads a fact back, as above. */
export function approvalFactOf(event: StoredEvent): ApprovalFact {
  return { ...(event.payload as object), type: event.type } as ApprovalFact;
}

function toEvent({ type, ...payload }: RunFact | ApprovalFact): NewEvent {
  // Facts are plain data: what JSON keeps is all there is.
  return { type, payload: JSON.parse(JSON.stringify(payload)) as NewEvent['payload'] };
}
