import type { MoneyAmount } from '../../../shared/money.ts';
import type { ProviderFailure } from './provider-error.ts';
import type { PaymentStatus, ProviderStatus } from './payment-status.ts';

/** What the payer has to do next. */
export type NextAction =
  { readonly kind: 'redirect'; readonly url: string } | { readonly kind: 'instructions' };

/** What a provider kept of a charge, by its balance transaction. */
export interface Settlement {
  readonly reference: string;
  readonly amountMinor: number;
  readonly feeMinor: number;
  readonly currency: string;
}

/**
 * A payment as the provider had it at a moment: from a reply, a webhook, a look
 * at the provider or its list of events. Where it came from makes no difference.
 */
export interface PaymentSnapshot {
  readonly reference: string;
  /** By the provider's clock, to the second. */
  readonly atMs: number;
  readonly status: ProviderStatus;
  /** The provider's own word. */
  readonly word: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly capturableMinor: number;
  readonly capturedMinor: number;
  readonly nextAction?: NextAction;
  readonly failure?: ProviderFailure;
  readonly chargeReference?: string;
  readonly settlement?: Settlement;
}

type Sight = Pick<
  PaymentSnapshot,
  'atMs' | 'status' | 'word' | 'capturableMinor' | 'nextAction' | 'failure'
>;

/** Everything that was ever heard of a payment, such that the order of hearing leaves no trace. */
export interface PaymentState {
  readonly asked: MoneyAmount;
  readonly reference?: string;
  readonly latest?: Sight;
  readonly capturedMinor: number;
  readonly chargeReference?: string;
  readonly settlements: Readonly<Record<string, Settlement>>;
  /** How it ended, as ever heard. More than one end is a contradiction. */
  readonly ends: readonly ProviderStatus[];
  /** What does not fit what was asked for, sorted. */
  readonly conflicts: readonly string[];
}

export function nothingHeard(asked: MoneyAmount): PaymentState {
  return { asked, capturedMinor: 0, settlements: {}, ends: [], conflicts: [] };
}

/**
 * Takes in what a provider said.
 *
 * Commutative, associative and idempotent: any order, any duplicates and any
 * late arrival of the same facts give the same state. Each member is a maximum:
 * amounts by size and never by addition, the sight by the provider's time and
 * then by how far it is on the way, ends and conflicts as sets.
 */
export function apply(state: PaymentState, fact: PaymentSnapshot): PaymentState {
  const conflicts = new Set(state.conflicts);
  if (fact.amountMinor !== state.asked.amountMinor) conflicts.add(`amount ${fact.amountMinor}`);
  if (fact.currency !== state.asked.currency) conflicts.add(`currency ${fact.currency}`);
  if (fact.capturedMinor > state.asked.amountMinor) {
    conflicts.add(`captured ${fact.capturedMinor}`);
  }
  const references = [state.reference, fact.reference].filter((one) => one !== undefined).sort();
  if (new Set(references).size > 1) for (const one of references) conflicts.add(`reference ${one}`);
  const ends = isEnd(fact.status) ? sortedSet([...state.ends, fact.status]) : state.ends;
  if (ends.length > 1) conflicts.add(`ends ${ends.join()}`);
  const latest = laterOf(state.latest, sightOf(fact));
  const charge = greatest(state.chargeReference, fact.chargeReference);
  return {
    asked: state.asked,
    reference: references[0] ?? fact.reference,
    latest,
    capturedMinor: Math.max(state.capturedMinor, fact.capturedMinor),
    ...(charge !== undefined && { chargeReference: charge }),
    settlements: settled(state.settlements, fact.settlement),
    ends,
    conflicts: sortedSet([...conflicts]),
  };
}

/** What is going on with a payment on our side. */
export interface OurSide {
  /** Whether something that was asked of the provider has no answer. */
  readonly unknownOutcome: boolean;
  /** Whether the provider said for sure that it does not have the payment. */
  readonly refused: boolean;
}

/** Where a payment stands, by what was heard and what was asked. */
export function statusOf(state: PaymentState, { unknownOutcome, refused }: OurSide): PaymentStatus {
  if (state.conflicts.length > 0) return 'CONFLICTED';
  const [end] = state.ends;
  if (end === 'SUCCEEDED' && state.capturedMinor < state.asked.amountMinor) {
    return 'PARTIALLY_CAPTURED';
  }
  if (end !== undefined) return end;
  if (unknownOutcome) return 'OUTCOME_UNKNOWN';
  if (!state.latest) return refused ? 'FAILED' : 'CREATED';
  // The bank wants its customer to confirm, who is not there: they have to be asked.
  const isUnconfirmed = state.latest.failure?.category === 'AUTHENTICATION_REQUIRED';
  return isUnconfirmed ? 'REQUIRES_ACTION' : state.latest.status;
}

/** Facts of one moment are told apart by how far they are on the way. */
const order: Readonly<Record<ProviderStatus, number>> = {
  UNRECOGNIZED: 0,
  REQUIRES_PAYMENT_METHOD: 1,
  REQUIRES_CONFIRMATION: 2,
  REQUIRES_ACTION: 3,
  PROCESSING: 4,
  REQUIRES_CAPTURE: 6,
  EXPIRED: 7,
  CANCELED: 7,
  SUCCEEDED: 8,
};
/** Back from a failed attempt: behind the attempt, before what a new one leads to. */
const afterFailure = 5;

function isEnd(status: ProviderStatus): boolean {
  return order[status] >= order.EXPIRED;
}

function rankOf({ status, failure }: Sight): number {
  return status === 'REQUIRES_PAYMENT_METHOD' && failure ? afterFailure : order[status];
}

function laterOf(known: Sight | undefined, told: Sight): Sight {
  if (!known) return told;
  const by =
    Number(isEnd(told.status)) - Number(isEnd(known.status)) ||
    told.atMs - known.atMs ||
    rankOf(told) - rankOf(known) ||
    compareText(JSON.stringify(told), JSON.stringify(known));
  return by > 0 ? told : known;
}

function sightOf({ atMs, status, word, capturableMinor, nextAction, failure }: Sight): Sight {
  return {
    ...{ atMs, status, word, capturableMinor },
    ...(nextAction && { nextAction }),
    ...(failure && { failure }),
  };
}

function settled(
  known: PaymentState['settlements'],
  told: Settlement | undefined,
): PaymentState['settlements'] {
  if (!told) return known;
  const other = known[told.reference];
  const kept = other && compareText(JSON.stringify(other), JSON.stringify(told)) > 0 ? other : told;
  const all = { ...known, [told.reference]: kept };
  return Object.fromEntries(
    Object.entries(all).sort(([one], [another]) => compareText(one, another)),
  );
}

function greatest(one: string | undefined, another: string | undefined): string | undefined {
  if (one === undefined || another === undefined) return one ?? another;
  return one > another ? one : another;
}

function compareText(one: string, another: string): number {
  return one === another ? 0 : one > another ? 1 : -1;
}

function sortedSet<T extends string>(values: readonly T[]): readonly T[] {
  return [...new Set(values)].sort(compareText);
}
