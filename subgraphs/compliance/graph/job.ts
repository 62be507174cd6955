import {
  Args,
  Authorized,
  Ctx,
  Directive,
  Field,
  FieldResolver,
  ID,
  ObjectType,
} from 'type-graphql';
import { Resolver, Root } from 'type-graphql';
import type { Context } from '../../shared/context.ts';
import { delivered } from '../../shared/outbox.ts';
import { ConnectionArgs } from '../../shared/pagination.ts';
import type { ConnectionValue } from '../../shared/pagination.ts';
import type { AuditEntry } from './audit-entry.ts';
import { AuditEntryConnection } from './audit-entry.ts';
import { auditEntries } from './audit-entries.ts';

@ObjectType()
@Directive('@key(fields: "id")')
export class Job {
  @Field(() => ID)
  id!: string;
}

@Resolver(() => Job)
export class JobAuditTrailResolver {
  @Authorized('compliance:read')
  @FieldResolver(() => AuditEntryConnection, {
    description: 'Everything that was done to the job, oldest first, up to this moment.',
  })
  async auditTrail(
    @Root() job: Job,
    @Args(() => ConnectionArgs) page: ConnectionArgs,
    @Ctx() ctx: Context,
  ): Promise<ConnectionValue<AuditEntry>> {
    await delivered(ctx, job.id);
    const filter = { targetType: 'job', targetId: job.id };
    return auditEntries(ctx, { list: 'job.auditTrail', order: 'ASC', filter, page });
  }
}

/** A job's part of the graph that compliance answers for: any id, since the sandbox knows which exist. */
export function jobReference(reference: { id: string }): Promise<Job> {
  return Promise.resolve(Object.assign(new Job(), { id: reference.id }));
}
