import { add, money } from '../../shared/money.ts';
import type { MoneyAmount } from '../../shared/money.ts';
import type { PriceList } from './price-list.ts';
import type { ResourceTime } from './usage-price.ts';
import { priceUsage } from './usage-price.ts';

/** The states of a job as the graph tells them. */
export const jobStates = [
  'QUEUED',
  'ADMITTED',
  'CREATING',
  'PULLING',
  'RUNNING',
  'COLLECTING',
  'CANCELLING',
  'SUCCEEDED',
  'FAILED',
  'CANCELLED',
  'TIMED_OUT',
] as const;
export type JobState = (typeof jobStates)[number];

/** What billing has on record about a job, over all its attempts. */
export interface JobFacts {
  readonly chargedMinor: number;
  readonly chargedMs: number;
  readonly chargedAttempts: number;
  /** Kept aside for attempts that are not over. */
  readonly heldMinor: number;
  readonly openHolds: number;
}

export interface JobCostNow {
  readonly total: MoneyAmount;
  readonly settled: MoneyAmount;
  readonly held: MoneyAmount;
  readonly final: boolean;
}

/**
 * Says what a job costs now: what was charged for its attempts, and for the
 * attempt under way the price of the usage seen so far.
 *
 * The usage is the job's, over all attempts; what was charged is subtracted,
 * so no second is shown twice. A job that is over, whose holds are closed and
 * whose run was charged, has its final cost. A job that runs is never free.
 */
export function jobCost(
  job: { readonly state: JobState | undefined; readonly usage: ResourceTime | undefined },
  facts: JobFacts,
  list: PriceList,
): JobCostNow {
  const settled = money(facts.chargedMinor, list.currency);
  const held = money(facts.heldMinor, list.currency);
  const ran = (job.usage?.billableMs ?? 0) > 0;
  const charged = facts.chargedAttempts > 0;
  const final = isOver(job.state) && facts.openHolds === 0 && (charged || !ran);
  if (final) return { total: settled, settled, held, final };
  const live = livePrice(job.state, job.usage, facts, list);
  return { total: add(settled, live), settled, held, final };
}

/** Whether a job has come to its end, so that its cost may be final. */
export function isOver(state: JobState | undefined): boolean {
  return (
    state === 'SUCCEEDED' || state === 'FAILED' || state === 'CANCELLED' || state === 'TIMED_OUT'
  );
}

/** An attempt under way costs at least the minimum, also before its first usage is seen. */
function livePrice(
  state: JobState | undefined,
  usage: ResourceTime | undefined,
  facts: JobFacts,
  list: PriceList,
): MoneyAmount {
  const billableMs = Math.max(0, (usage?.billableMs ?? 0) - facts.chargedMs);
  const underWay = facts.openHolds > 0 || facts.chargedAttempts === 0;
  const runs = underWay && (state === 'RUNNING' || state === 'COLLECTING');
  if (billableMs === 0 && !runs) return money(0, list.currency);
  return priceUsage({ cpuMillicores: 0, memoryMib: 0, ...usage, billableMs }, list);
}
