import type { Load, Quota, Room } from './quota.ts';
import { fits, fitsQuota } from './quota.ts';

/** A tenant whose next job waits to be admitted. */
export interface TenantInLine {
  readonly tenant: string;
  /** What the tenant's next job asks for, and since when it waits. */
  readonly next: Room & { readonly waitsSince: Date };
  readonly load: Load;
  readonly quota: Quota;
}

export type TurnDecision =
  | { readonly kind: 'admit'; readonly tenant: string }
  /** The tenant whose turn it is waits for room on the runner, and everybody behind it. */
  | { readonly kind: 'full' }
  /** Nobody is in line who may run more. */
  | { readonly kind: 'none' };

/**
 * Decides whose job is admitted next.
 *
 * It is the turn of the tenant that runs least for its weight; between equals,
 * of the one whose next job has waited longest. Tenants whose quota is in use
 * are passed over. Nobody else is let in ahead of a job that only waits for room
 * on the runner: it would wait for ever behind smaller ones.
 */
export function decideTurn(
  line: readonly TenantInLine[],
  total: Load,
  capacity: Load,
): TurnDecision {
  const [first] = line
    .filter(({ quota, load, next }) => fitsQuota(quota, load, next))
    .sort((a, b) => shareOf(a) - shareOf(b) || waited(a) - waited(b) || byName(a, b));
  if (!first) return { kind: 'none' };
  return fits(total, first.next, capacity)
    ? { kind: 'admit', tenant: first.tenant }
    : { kind: 'full' };
}

/** How much of the runner a tenant has, for its weight. */
function shareOf({ load, quota }: TenantInLine): number {
  return load.cpuMillicores / quota.weight;
}

function waited({ next }: TenantInLine): number {
  return next.waitsSince.getTime();
}

function byName(a: TenantInLine, b: TenantInLine): number {
  return a.tenant < b.tenant ? -1 : 1;
}
