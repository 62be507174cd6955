import type { Clock } from '../../shared/time.ts';

/** What compliance is given from outside. */
export interface ComplianceDeps {
  readonly clock: Clock;
}
