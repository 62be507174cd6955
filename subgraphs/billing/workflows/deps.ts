import type { Clock } from '../../shared/time.ts';

/** What billing is given from outside. */
export interface BillingDeps {
  readonly clock: Clock;
}
