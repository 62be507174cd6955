import type { Actor } from '../../../shared/auth.ts';
import type { Tx } from '../../../shared/db.ts';
import { isId } from '../../../shared/ids.ts';
import { reversed } from '../../domain/ledger/transaction.ts';
import { postPayout } from '../../domain/payments/postings.ts';
import type { EventFact } from '../../providers/payments.ts';
import { postTransaction } from '../../store/ledger/post-transaction.ts';
import { absorbDispute } from '../../store/payments/disputes.ts';
import { findPayment, findPaymentAt, lockPayment } from '../../store/payments/payments.ts';
import {
  accountByExternalId,
  findProviderAccount,
  revokeAccount,
} from '../../store/payments/provider-accounts.ts';
import {
  absorbRefund,
  findRefund,
  findRefundAt,
  insertRefund,
} from '../../store/payments/refunds.ts';
import type { PaymentRow, ProviderName } from '../../store/payments/rows.ts';
import { absorbPayment } from '../../store/payments/write-payment.ts';

interface Source {
  readonly provider: ProviderName;
  /** The account that told. */
  readonly account: string;
  readonly at: Date;
}

/**
 * Takes in a fact that a provider told. `unknown` when what it is about is not
 * here yet; what is another account's is never touched.
 */
export async function applyFact(
  tx: Tx,
  fact: EventFact,
  source: Source,
): Promise<'applied' | 'ignored' | 'unknown'> {
  switch (fact.kind) {
    case 'payment': {
      const known = await paymentOf(tx, fact.paymentId, fact.snapshot.reference, source);
      if (!known) return 'unknown';
      await absorbPayment(tx, known.id, fact.snapshot, { by: actorOf(source), at: source.at });
      return 'applied';
    }
    case 'refund':
      return applyRefund(tx, fact, source);
    case 'dispute': {
      const { snapshot } = fact;
      const known = await paymentOf(tx, null, snapshot.paymentReference ?? '', source);
      if (!known) return 'unknown';
      const payment = await lockPayment(tx, known.id);
      await absorbDispute(tx, payment, snapshot, { by: actorOf(source), at: source.at });
      return 'applied';
    }
    case 'payout': {
      const { reference, amountMinor, currency, isReturned } = fact;
      const postings = postPayout(amountMinor, currency);
      await postTransaction(tx, {
        kind: isReturned ? 'payout-returned' : 'payout-paid',
        source: reference,
        postings: isReturned ? reversed(postings) : postings,
        actor: actorOf(source),
        at: source.at,
      });
      return 'applied';
    }
    case 'revoked': {
      const account = await accountByExternalId(tx, source.provider, fact.externalAccount);
      if (!account) return 'ignored';
      await revokeAccount(tx, account.id, source.at);
      return 'applied';
    }
    case 'look':
    case 'ignored':
      return 'ignored';
  }
}

async function applyRefund(
  tx: Tx,
  { snapshot, refundId }: Extract<EventFact, { kind: 'refund' }>,
  source: Source,
): Promise<'applied' | 'unknown'> {
  const cause = { by: actorOf(source), at: source.at };
  const known = await paymentOf(tx, null, snapshot.paymentReference, source);
  if (!known) return 'unknown';
  const payment = await lockPayment(tx, known.id);
  const ours =
    refundId !== null && isId('refund', refundId) ? await findRefund(tx, refundId) : null;
  const refund =
    (ours?.paymentId === payment.id ? ours : null) ??
    (await findRefundAt(tx, payment.id, snapshot.reference));
  if (refund) {
    await absorbRefund(tx, payment, refund, snapshot, cause);
    return 'applied';
  }
  // Before the payment is known to be captured there is nothing that could be given back.
  if (payment.capturedMinor < payment.refundReservedMinor + snapshot.amountMinor) return 'unknown';
  // Somebody has made it with the provider itself.
  await insertRefund(tx, payment, {
    amountMinor: snapshot.amountMinor,
    reason: null,
    approval: 'NOT_NEEDED',
    known: snapshot,
    ...cause,
  });
  return 'applied';
}

/** The payment that a fact is about, if it is one of the account that told. */
async function paymentOf(
  tx: Tx,
  id: string | null,
  reference: string,
  { provider, account }: Source,
): Promise<PaymentRow | undefined> {
  const marked = id !== null && isId('payment', id) ? await findPayment(tx, id) : null;
  const found = marked ?? (await findPaymentAt(tx, provider, reference));
  if (!found) return undefined;
  const owner = await findProviderAccount(tx, found.accountId);
  return (owner?.externalId ?? 'platform') === account ? found : undefined;
}

function actorOf({ provider }: Source): Actor {
  return { type: 'service', id: provider.toLowerCase() };
}
