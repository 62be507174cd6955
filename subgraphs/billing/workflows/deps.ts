import type { Clock } from '../../shared/time.ts';
import type { PaymentProvider } from '../providers/payments.ts';
import { recoveryDelaysMs } from '../domain/payments/recovery.ts';

/** How fast things are done about payments. */
export interface PaymentPace {
  /** For one call to a provider, its repetitions included. */
  readonly callMs: number;
  /** How long a mutation waits for its answer; and another one with the same key. */
  readonly answerMs: number;
  readonly sameKeyMs: number;
  /** How long after a call without an answer it is looked into again, each time. */
  readonly recoveryMs: readonly number[];
  /** How long after an event that cannot be applied yet it is tried again, each time. */
  readonly eventRetryMs: readonly number[];
  /** How long a stream goes on after its payment is over, for what may follow. */
  readonly graceMs: number;
}

export const standardPaymentPace: PaymentPace = {
  callMs: 30_000,
  answerMs: 25_000,
  sameKeyMs: 2_000,
  recoveryMs: recoveryDelaysMs,
  eventRetryMs: [1_000, 5_000, 30_000, 300_000, 3_600_000],
  graceMs: 600_000,
};

/** What billing is given from outside. */
export interface BillingDeps {
  readonly clock: Clock;
  /** Who takes payments; nobody where no provider is configured. */
  readonly payments: PaymentProvider | undefined;
  readonly pace: PaymentPace;
}
