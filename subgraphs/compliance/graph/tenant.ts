import { Arg, Args, Authorized, Ctx, Directive, Field, FieldResolver, ID } from 'type-graphql';
import { InputType, ObjectType, registerEnumType, Resolver } from 'type-graphql';
import type { Context } from '../../shared/context.ts';
import { DateTime } from '../../shared/graph.ts';
import { ConnectionArgs } from '../../shared/pagination.ts';
import type { ConnectionValue } from '../../shared/pagination.ts';
import type { AuditOutcome } from '../domain/audit-entry.ts';
import type { AuditFilter } from '../store/audit-pages.ts';
import type { AuditEntry } from './audit-entry.ts';
import { AuditEntryConnection, AuditOutcomes } from './audit-entry.ts';
import { auditEntries } from './audit-entries.ts';

const auditOrders = ['OLDEST_FIRST', 'NEWEST_FIRST'] as const;
type AuditOrder = (typeof auditOrders)[number];
const AuditOrders = Object.fromEntries(auditOrders.map((order) => [order, order]));
registerEnumType(AuditOrders, { name: 'AuditOrder' });

@InputType({ description: 'Entries for which every part that is given holds.' })
export class AuditEntryFilter {
  @Field(() => String, { nullable: true, description: 'As in `job.submitted`.' })
  action?: string;

  @Field(() => String, { nullable: true })
  actorType?: string;

  @Field(() => ID, { nullable: true })
  actorId?: string;

  @Field(() => String, { nullable: true, description: 'As in `job`.' })
  targetType?: string;

  @Field(() => ID, { nullable: true })
  targetId?: string;

  @Field(() => AuditOutcomes, { nullable: true })
  outcome?: AuditOutcome;

  @Field(() => DateTime, { nullable: true, description: 'Done at this moment or later.' })
  from?: Date;

  @Field(() => DateTime, { nullable: true, description: 'Done before this moment.' })
  to?: Date;
}

@ObjectType()
@Directive('@key(fields: "id")')
export class Tenant {
  @Field(() => ID)
  id!: string;
}

@Resolver(() => Tenant)
export class TenantAuditResolver {
  @Authorized('compliance:read')
  @FieldResolver(() => AuditEntryConnection, {
    description: "The tenant's audit log, newest first unless asked otherwise.",
  })
  auditEntries(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) page: ConnectionArgs,
    @Arg('filter', () => AuditEntryFilter, { nullable: true }) filter?: AuditEntryFilter,
    @Arg('order', () => AuditOrders, { defaultValue: 'NEWEST_FIRST' })
    order: AuditOrder = 'NEWEST_FIRST',
  ): Promise<ConnectionValue<AuditEntry>> {
    return auditEntries(ctx, {
      list: 'tenant.auditEntries',
      order: order === 'OLDEST_FIRST' ? 'ASC' : 'DESC',
      filter: given(filter),
      page,
    });
  }
}

/** The caller's own tenant; any other one reads as missing. */
export function tenantReference(reference: { id: string }, ctx: Context): Promise<Tenant | null> {
  if (reference.id !== ctx.tenant) return Promise.resolve(null);
  return Promise.resolve(Object.assign(new Tenant(), { id: ctx.tenant }));
}

/** A part that is null says as little as one that is left out. */
function given(filter: AuditEntryFilter | undefined): AuditFilter {
  const parts = Object.entries(filter ?? {}).filter(([, value]) => value != null);
  return Object.fromEntries(parts);
}
