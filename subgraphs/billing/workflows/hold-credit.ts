import { audit } from '../../shared/audit.ts';
import type { Tx } from '../../shared/db.ts';
import { money } from '../../shared/money.ts';
import { consumer, publish } from '../../shared/outbox.ts';
import { holdDecided, holdUnneeded, jobSubmitted } from '../../shared/topics.ts';
import type { HoldUnneeded, JobSubmitted } from '../../shared/topics.ts';
import type { BillingDeps } from './deps.ts';
import type { HoldDecision } from '../domain/hold.ts';
import { decideHold, holdAmount, refuseEndedAttempt } from '../domain/hold.ts';
import { nextHoldStep } from '../domain/hold-life.ts';
import { postHold, postRelease } from '../domain/ledger/credit-postings.ts';
import { priceListAt } from '../domain/price-list.ts';
import { lockAccount, readCredit } from '../store/accounts.ts';
import type { AttemptRef, HoldRow } from '../store/holds.ts';
import { closeHold, findHold, insertHold } from '../store/holds.ts';
import { postTransaction } from '../store/ledger/post-transaction.ts';
import { readPriceLists } from '../store/price-lists.ts';
import { billingActor } from '../store/actor.ts';

/**
 * Keeps credit aside for an attempt, or refuses, and answers.
 *
 * The decision, the ledger, the audit entry and the answer commit together
 * with the message's removal. Asked again, it answers the same and moves
 * nothing.
 */
export const onJobSubmitted = consumer<JobSubmitted, BillingDeps>(
  jobSubmitted,
  async ({ tx, payload, deps }) => {
    const at = deps.clock.now();
    await lockAccount(tx, at);
    const known = await findHold(tx, payload);
    const hold =
      nextHoldStep(known?.state, 'job-submitted') === 'decide' || !known
        ? await placeOrRefuse(tx, payload, at)
        : known;
    await answer(tx, hold);
  },
);

/**
 * Gives back the credit kept for an attempt that will not run.
 *
 * If the attempt is not known yet, a closed hold of nothing is left in its
 * place, so that a request that comes late cannot keep credit for ever.
 */
export const onHoldUnneeded = consumer<HoldUnneeded, BillingDeps>(
  holdUnneeded,
  async ({ tx, payload, deps }) => {
    const at = deps.clock.now();
    const account = await lockAccount(tx, at);
    const hold = await findHold(tx, payload);
    if (nextHoldStep(hold?.state, 'hold-unneeded') !== 'release') return;
    if (!hold) {
      await insertEndedHold(tx, payload, 'released', account.currency, at);
      return;
    }
    await closeHold(tx, hold, 'released', at);
    await postTransaction(tx, {
      actor: billingActor,
      kind: 'hold-released',
      source: attemptSource(hold),
      postings: postRelease(hold),
      at,
    });
    await auditHold(tx, hold, 'hold.released', at);
  },
);

/** Records a hold that was over before it was asked for: it keeps nothing and answers no. */
export function insertEndedHold(
  tx: Tx,
  { jobId, attempt }: AttemptRef,
  state: 'released' | 'settled',
  currency: string,
  at: Date,
): Promise<HoldRow> {
  return insertHold(tx, {
    jobId,
    attempt,
    state,
    ...answerOf(refuseEndedAttempt),
    currency,
    priceListVersion: null,
    openedAt: at,
    closedAt: at,
  });
}

/** Names an attempt as the cause of a booking. */
export function attemptSource({ jobId, attempt }: AttemptRef): string {
  return `${jobId}:${String(attempt)}`;
}

async function placeOrRefuse(tx: Tx, job: JobSubmitted, at: Date): Promise<HoldRow> {
  const list = priceListAt(await readPriceLists(tx), at);
  const { available } = await readCredit(tx);
  const decision = decideHold(available, holdAmount(job, list));
  const placed = decision.kind === 'placed';
  const hold = await insertHold(tx, {
    jobId: job.jobId,
    attempt: job.attempt,
    state: decision.kind,
    ...answerOf(decision),
    currency: list.currency,
    priceListVersion: list.version,
    openedAt: at,
    closedAt: placed ? null : at,
  });
  if (placed) {
    const postings = postHold(money(decision.amountMinor, list.currency));
    const source = attemptSource(job);
    await postTransaction(tx, { actor: billingActor, kind: 'hold-placed', source, postings, at });
  }
  await auditHold(tx, hold, placed ? 'hold.placed' : 'hold.refused', at);
  return hold;
}

function answerOf(
  decision: HoldDecision,
): Pick<HoldRow, 'answer' | 'reason' | 'message' | 'amountMinor'> {
  const { kind, amountMinor } = decision;
  if (kind === 'placed') return { answer: kind, reason: null, message: null, amountMinor };
  return { answer: kind, reason: decision.reason, message: decision.message, amountMinor };
}

async function answer(tx: Tx, hold: HoldRow): Promise<void> {
  const { jobId, attempt, answer: outcome, reason, message } = hold;
  await publish(tx, holdDecided, {
    key: jobId,
    payload: {
      jobId,
      attempt,
      outcome,
      ...(reason !== null && { reasonCode: reason }),
      ...(message !== null && { message }),
    },
  });
}

async function auditHold(
  tx: Tx,
  hold: HoldRow,
  action: 'hold.placed' | 'hold.refused' | 'hold.released',
  at: Date,
): Promise<void> {
  const { jobId, attempt, amountMinor, currency, reason } = hold;
  await audit(tx, {
    actor: billingActor,
    action,
    target: { type: 'job', id: jobId },
    outcome: action === 'hold.refused' ? 'refused' : 'success',
    facts: { attempt, amountMinor, currency, ...(reason !== null && { reason }) },
    at,
  });
}
