import { audit } from '../../shared/audit.ts';
import type { Tx } from '../../shared/db.ts';
import { ForgeError } from '../../shared/errors.ts';
import type { MoneyAmount } from '../../shared/money.ts';
import { money } from '../../shared/money.ts';
import { consumer, publish } from '../../shared/outbox.ts';
import { attemptFinished, attemptSettled } from '../../shared/topics.ts';
import type { AttemptFinished } from '../../shared/topics.ts';
import type { BillingDeps } from './deps.ts';
import { settle } from '../domain/hold.ts';
import { nextHoldStep } from '../domain/hold-life.ts';
import { postSettlement } from '../domain/ledger/credit-postings.ts';
import { priceListAt } from '../domain/price-list.ts';
import { priceUsage } from '../domain/usage-price.ts';
import { sameUsage } from '../domain/usage-fact.ts';
import { lockAccount } from '../store/accounts.ts';
import { findCharge, insertCharge } from '../store/charges.ts';
import type { HoldRow } from '../store/holds.ts';
import { closeHold, findHold } from '../store/holds.ts';
import { postTransaction } from '../store/ledger/post-transaction.ts';
import { readPriceLists } from '../store/price-lists.ts';
import type { UsageFact } from '../store/usage-facts.ts';
import { findUsageFact, insertUsageFact } from '../store/usage-facts.ts';
import { billingActor } from '../store/actor.ts';
import { attemptSource, insertEndedHold } from './hold-credit.ts';

/**
 * Charges an attempt for what it used, gives the rest of its hold back, and
 * answers with the amount.
 *
 * An attempt is charged once, by the first account of its usage that arrives,
 * at the price of the moment it started. Told again, it answers the same
 * amount; told something else, it also leaves an audit entry for a person to
 * look at. Fact, charge, ledger, audit entry and answer commit together.
 */
export const onAttemptFinished = consumer<AttemptFinished, BillingDeps>(
  attemptFinished,
  async ({ tx, payload, deps }) => {
    const at = deps.clock.now();
    const fact = toFact(payload);
    await lockAccount(tx, at);
    const hold = await findHold(tx, fact);
    const settled =
      nextHoldStep(hold?.state, 'attempt-finished') === 'settle'
        ? await charge(tx, fact, hold, at)
        : await chargeOnRecord(tx, fact, at);
    const { jobId, attempt } = fact;
    await publish(tx, attemptSettled, { key: jobId, payload: { jobId, attempt, ...settled } });
  },
);

async function charge(
  tx: Tx,
  fact: UsageFact,
  hold: HoldRow | null,
  at: Date,
): Promise<MoneyAmount> {
  const { jobId, attempt, cpuMillicores, memoryMib, wallMs } = fact;
  const list = priceListAt(await readPriceLists(tx), fact.startedAt);
  const amount = priceUsage({ cpuMillicores, memoryMib, billableMs: wallMs }, list);
  const heldMinor = hold?.state === 'placed' ? hold.amountMinor : 0;
  const settlement = settle(money(heldMinor, amount.currency), amount);

  await insertUsageFact(tx, fact, at);
  await insertCharge(tx, {
    jobId,
    attempt,
    ...amount,
    priceListVersion: list.version,
    settledAt: at,
  });
  await postTransaction(tx, {
    actor: billingActor,
    kind: 'charge-settled',
    source: attemptSource(fact),
    postings: postSettlement(settlement, amount.currency),
    at,
  });
  if (hold) await closeHold(tx, hold, 'settled', at);
  else await insertEndedHold(tx, fact, 'settled', amount.currency, at);
  await audit(tx, {
    actor: billingActor,
    action: 'charge.settled',
    target: { type: 'job', id: jobId },
    outcome: 'success',
    facts: { attempt, ...amount, heldMinor, priceListVersion: list.version, billedMs: wallMs },
    at,
  });
  return amount;
}

async function chargeOnRecord(tx: Tx, fact: UsageFact, at: Date): Promise<MoneyAmount> {
  const [recorded, charged] = [await findUsageFact(tx, fact), await findCharge(tx, fact)];
  if (!recorded || !charged) {
    throw new ForgeError('INTERNAL', `Attempt ${attemptSource(fact)} is settled without a charge.`);
  }
  if (!sameUsage(recorded, fact)) {
    await audit(tx, {
      actor: billingActor,
      action: 'usage.contradicted',
      target: { type: 'job', id: fact.jobId },
      outcome: 'failure',
      facts: { attempt: fact.attempt, chargedMs: recorded.wallMs, laterMs: fact.wallMs },
      at,
    });
  }
  return money(charged.amountMinor, charged.currency);
}

function toFact(message: AttemptFinished): UsageFact {
  return {
    jobId: message.jobId,
    attempt: message.attempt,
    cpuMillicores: message.cpuMillicores,
    memoryMib: message.memoryMib,
    wallMs: message.wallMs,
    cpuMs: message.cpuMs,
    memoryPeakBytes: message.memoryPeakBytes,
    startedAt: new Date(message.startedAt),
    finishedAt: new Date(message.finishedAt),
  };
}
