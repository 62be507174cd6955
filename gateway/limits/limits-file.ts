import { z } from 'zod';
import type { Limits, TenantLimits } from './limits.ts';
import { defaultLimits } from './limits.ts';

const some = z.number().positive('must be more than 0');
const count = z.int('must be a whole number').min(0, 'must not be less than 0');
const atLeastOne = z.int('must be a whole number').min(1, 'must be at least 1');

const tenantLimits = z.strictObject({
  costMax: some.optional(),
  requestsPerSecond: some.optional(),
  requestsBurst: atLeastOne.optional(),
  newDocumentsPerSecond: some.optional(),
  newDocumentsBurst: atLeastOne.optional(),
  concurrentMax: atLeastOne.optional(),
  queuedMax: count.optional(),
  queueTimeoutMs: count.optional(),
} satisfies Record<keyof TenantLimits, z.ZodType>);

const streamLimits = z.strictObject({
  subscriptionsPerActorMax: atLeastOne.optional(),
  subscriptionsPerTenantMax: atLeastOne.optional(),
  subscriptionsMax: atLeastOne.optional(),
});

/** What tenants may ask for, as it is written in a file: what is left out stays as it is. */
export const limitsSchema: z.ZodType<FileLimits> = z
  .strictObject({
    streams: streamLimits.optional(),
    tenant: tenantLimits.optional(),
    tenants: z.record(z.string().min(1), tenantLimits).optional(),
  })
  .transform(({ streams = {}, tenant = {}, tenants = {} }) => ({
    ...stated(streams),
    tenant: { ...defaultLimits.tenant, ...stated(tenant) },
    tenants: Object.fromEntries(
      Object.entries(tenants).map(([name, own]) => [name, stated(own)] as const),
    ),
  }));

/** What a file says of limits. */
type FileLimits = Pick<Limits, 'tenant' | 'tenants'> &
  Partial<
    Pick<Limits, 'subscriptionsPerActorMax' | 'subscriptionsPerTenantMax' | 'subscriptionsMax'>
  >;

/** The members that are there. */
function stated<T extends object>(given: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const members = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(members) as { [Name in keyof T]?: Exclude<T[Name], undefined> };
}
