import { ForgeError } from '../../../shared/errors.ts';
import type { LedgerAccountCode } from './chart.ts';

/** One side of a movement of money. */
export interface Posting {
  readonly account: LedgerAccountCode;
  /** Positive credits the account, negative debits it; never zero. */
  readonly amountMinor: number;
  readonly currency: string;
  /**
   * Whether the money is announced and has not moved yet. What is pending stands
   * beside the balance, and is taken back by a pending posting of the opposite sign.
   */
  readonly pending?: boolean;
}

/**
 * A movement of a tenant's money. Kind and source together are its idempotency
 * key: a cause moves money once per kind.
 */
export interface TransactionDraft {
  /** What happened, as in `charge-settled`: lower-case words joined by hyphens. */
  readonly kind: string;
  /** The id of what caused it: an attempt, a payment, a provider's event. */
  readonly source: string;
  /** The thing whose money it is, such as a payment, over all its transactions. */
  readonly subject?: string;
  readonly postings: readonly Posting[];
  /** When it took effect in the world, which may be before it was recorded. */
  readonly at: Date;
}

/**
 * Checks what nobody may post: nothing at all, an amount of zero or of a
 * fraction, and postings of a currency that do not come to zero, be it pending
 * or not. The database refuses them too; this says earlier which ones.
 */
export function checkBalanced({ kind, source, postings }: TransactionDraft): void {
  const sums = new Map<string, number>();
  for (const { amountMinor, currency, pending = false } of postings) {
    if (!Number.isSafeInteger(amountMinor) || amountMinor === 0) {
      throw new ForgeError('INTERNAL', `${kind} of ${source} posts ${String(amountMinor)}.`);
    }
    const layer = `${currency}${pending ? ' pending' : ''}`;
    sums.set(layer, (sums.get(layer) ?? 0) + amountMinor);
  }
  const off = [...sums].filter(([, sum]) => sum !== 0);
  if (postings.length > 0 && off.length === 0) return;
  const by = off.map(([layer, sum]) => `${String(sum)} ${layer}`).join(', ') || 'having no entries';
  throw new ForgeError('INTERNAL', `${kind} of ${source} does not add up to zero, by ${by}.`);
}

/** What takes postings back: the same, the other way round. */
export function reversed(postings: readonly Posting[]): readonly Posting[] {
  return postings.map((posting) => ({ ...posting, amountMinor: -posting.amountMinor }));
}
