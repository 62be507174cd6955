import { isConnectionLost } from '../../../shared/db.ts';
import type { Tx } from '../../../shared/db.ts';
import type { Run } from '../../../shared/workflow.ts';
import { defineWorkflow } from '../../../shared/workflow.ts';
import type { EventFact, ReadCall } from '../../providers/payments.ts';
import { findPayment } from '../../store/payments/payments.ts';
import type { EventKey } from '../../store/payments/provider-events.ts';
import { findEvent, lockEvent, noteEvent } from '../../store/payments/provider-events.ts';
import type { ProviderEventRow } from '../../store/payments/rows.ts';
import type { BillingDeps } from '../deps.ts';
import { applyFact } from './apply-fact.ts';

/**
 * Applies what a provider told, once. The fact and the note that it is applied
 * commit together.
 *
 * An event about something that is not known yet waits for it. One that cannot be
 * applied is tried again, later each time, and is DEAD in the end: it stays, is
 * told of in the log, and can be replayed.
 */
export const applyEvent = defineWorkflow<EventKey, BillingDeps>(
  'billing.apply-provider-event',
  carryOutEvent,
);

export function runIdOfEvent({ provider, account, eventId }: EventKey, replay: number): string {
  return `${provider}/${account}/${eventId}/${replay}`;
}

export async function carryOutEvent(run: Run, given: EventKey, deps: BillingDeps): Promise<void> {
  const key = { provider: given.provider, account: given.account, eventId: given.eventId };
  const delays = deps.pace.eventRetryMs;
  for (let round = 0; ; round += 1) {
    const isLast = round >= delays.length;
    const outcome = await run.step(`apply-${round}`, () => applyOnce(run, key, isLast, deps), {
      attemptsMax: 1,
    });
    if (outcome === 'over') return;
    if (isLast) {
      run.log.error({ ...key }, 'an event of a payment provider cannot be applied');
      return;
    }
    await run.sleep(delays[round] ?? 0);
  }
}

async function applyOnce(
  run: Run,
  key: EventKey,
  isLast: boolean,
  deps: BillingDeps,
): Promise<'over' | 'again'> {
  const event = await run.db.tx((tx) => findEvent(tx, key));
  if (!event || isOver(event)) return 'over';
  try {
    const fact = await factOf(run, event, deps);
    return await run.db.tx((tx) => applyTo(tx, key, fact, isLast, deps));
  } catch (cause) {
    if (run.signal.aborted || isConnectionLost(cause)) throw cause;
    run.log.warn({ err: cause, ...key }, 'an event of a payment provider failed');
    await run.db.tx((tx) => noteFailure(tx, key, cause, isLast));
    return 'again';
  }
}

function isOver({ status }: Pick<ProviderEventRow, 'status'>): boolean {
  return status === 'APPLIED' || status === 'IGNORED' || status === 'DEAD';
}

async function applyTo(
  tx: Tx,
  key: EventKey,
  fact: EventFact,
  isLast: boolean,
  { clock }: BillingDeps,
): Promise<'over' | 'again'> {
  const event = await lockEvent(tx, key);
  if (!event || isOver(event)) return 'over';
  const at = clock.now();
  const outcome = await applyFact(tx, fact, { account: key.account, provider: key.provider, at });
  const attempts = event.attempts + 1;
  if (outcome === 'unknown') {
    await noteEvent(tx, key, { status: isLast ? 'DEAD' : 'PARKED', attempts });
    return isLast ? 'over' : 'again';
  }
  await noteEvent(tx, key, {
    status: outcome === 'applied' ? 'APPLIED' : 'IGNORED',
    ...{ attempts, appliedAt: at, lastError: null },
  });
  return 'over';
}

async function noteFailure(tx: Tx, key: EventKey, cause: unknown, isLast: boolean): Promise<void> {
  const event = await lockEvent(tx, key);
  if (!event || isOver(event)) return;
  const lastError = (cause instanceof Error ? cause.message : String(cause)).slice(0, 500);
  await noteEvent(tx, key, {
    ...(isLast && { status: 'DEAD' as const }),
    ...{ lastError, attempts: event.attempts + 1 },
  });
}

/**
 * What the event says, or what the provider says when the event does not tell
 * enough: it was written in another version, or a payment that took money does
 * not say what it cost.
 */
async function factOf(
  run: Run,
  event: ProviderEventRow,
  { payments, pace }: BillingDeps,
): Promise<EventFact> {
  if (!payments) throw new Error('No payment provider is configured.');
  const fact = payments.factOf(event);
  const call: ReadCall = {
    deadlineMs: pace.callMs,
    signal: run.signal,
    account: {
      id: event.account,
      tenant: run.tenant,
      externalId: event.account === 'platform' ? null : event.account,
    },
  };
  if (fact.kind === 'payment' && fact.snapshot.status === 'SUCCEEDED') {
    const known = await run.db.tx((tx) => findPayment(tx, fact.paymentId ?? ''));
    if (known?.settledMinor === 0) return lookAtPayment(fact.snapshot.reference);
  }
  if (fact.kind !== 'look') return fact;
  if (fact.at === 'payment') return lookAtPayment(fact.reference);
  if (fact.at === 'refund') {
    const found = await payments.fetchRefund(fact.reference, call);
    if (found.kind === 'done') return { kind: 'refund', snapshot: found.value, refundId: null };
    throw new Error(`The refund cannot be looked at: ${found.failure.category}.`);
  }
  const found = await payments.fetchDispute(fact.reference, call);
  if (found.kind === 'done') return { kind: 'dispute', snapshot: found.value };
  throw new Error(`The dispute cannot be looked at: ${found.failure.category}.`);

  async function lookAtPayment(reference: string): Promise<EventFact> {
    const seen = await payments?.fetchPayment(reference, call);
    if (seen?.kind === 'done') return { kind: 'payment', ...seen.value };
    if (fact.kind === 'payment') return fact;
    throw new Error(`The payment cannot be looked at: ${seen?.failure.category ?? ''}.`);
  }
}
