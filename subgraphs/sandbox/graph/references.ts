import { can } from '../../shared/access.ts';
import { isId } from '../../shared/ids.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import { jobById } from './loaders.ts';
import { Tenant } from './quota.ts';

type Reference = (reference: { id: string }, ctx: Context) => Promise<object | null>;

/**
 * How other subgraphs' mentions become our entities. What the caller may not
 * read, and what another tenant owns, is null like what does not exist.
 */
export const references: Record<string, Reference> = {
  Job: async ({ id }, ctx) => {
    if (!can(ctx.identity, 'sandbox:read') || !isId('job', id)) return null;
    const row = await ctx.load(jobById, id);
    return row ? Job.of(row) : null;
  },
  Tenant: ({ id }, ctx) => Promise.resolve(id === ctx.tenant ? Tenant.of(id) : null),
};
