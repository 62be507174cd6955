import { createHash } from 'node:crypto';
import type { StartOrder } from '../../../runner.ts';

/** What the cluster must know of an attempt, beyond what any runner does. */
export interface AttemptOrder extends StartOrder {
  readonly tenantId: string;
  /** `proxy`: it may ask the egress proxy. Nothing else lets anything out. */
  readonly egress?: 'none' | 'proxy' | undefined;
}

/**
 * The SHA-256 of what an order runs, with what, and for whom.
 *
 * A Job of the same name with the same hash is the one that was asked for; with
 * another it is foreign and stays untouched. The upload token does not count:
 * whoever asks again brings a new one.
 */
export function specHash(order: AttemptOrder): string {
  const { key, tenantId, egress, template, source, args, env, limits } = order;
  const { timeoutSeconds, cpuMillicores, memoryMib } = order;
  const facts = [
    ['v1', tenantId, key.jobId, key.attempt, egress ?? 'none', template, source],
    args,
    env.map(({ name, value }) => [name, value]),
    [timeoutSeconds, cpuMillicores, memoryMib],
    Object.entries(limits ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
  ];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}
