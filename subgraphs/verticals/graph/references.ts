import { can } from '../../shared/access.ts';
import { isId } from '../../shared/ids.ts';
import { findVertical } from '../domain/vertical.ts';
import { Approval } from './approval.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import { approvalById, runById } from './loaders.ts';
import { Playbook } from './playbook.ts';
import { PlaybookRun } from './run.ts';
import { Tenant } from './tenant.ts';
import { Vertical } from './vertical.ts';

type Reference = (reference: { id: string }, ctx: Context) => Promise<object | null>;

/**
 * How other subgraphs' mentions become our entities. What the caller may not
 * read, and what another tenant owns, is null like what does not exist.
 */
export const references: Record<string, Reference> = {
  Vertical: readable(({ id }) => {
    const data = findVertical(id);
    return data ? Vertical.of(data) : null;
  }),
  Playbook: readable(({ id }, ctx) => {
    const data = ctx.deps.catalogue.find(id);
    return data ? Playbook.of(data) : null;
  }),
  PlaybookRun: readable(async ({ id }, ctx) => {
    const row = isId('run', id) ? await ctx.load(runById, id) : undefined;
    return row ? PlaybookRun.of(row) : null;
  }),
  Approval: readable(async ({ id }, ctx) => {
    const row = isId('approval', id) ? await ctx.load(approvalById, id) : undefined;
    return row ? Approval.of(row) : null;
  }),
  // Their fields check permission and tenant themselves.
  Job: ({ id }) => Promise.resolve(Job.of(id)),
  Tenant: ({ id }, ctx) => Promise.resolve(id === ctx.tenant ? Tenant.of(id) : null),
};

function readable(
  find: (reference: { id: string }, ctx: Context) => object | null | Promise<object | null>,
): Reference {
  return async (reference, ctx) =>
    can(ctx.identity, 'verticals:read') ? find(reference, ctx) : null;
}
