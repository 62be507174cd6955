import { Arg, Authorized, Ctx, Directive, Field, ID, Int, ObjectType } from 'type-graphql';
import { Query, registerEnumType, Resolver } from 'type-graphql';
import { can } from '../../shared/access.ts';
import type { Context } from '../../shared/context.ts';
import { ForgeError } from '../../shared/errors.ts';
import { DateTime, JSONValue, Node } from '../../shared/graph.ts';
import { Connection } from '../../shared/pagination.ts';
import { factsOf } from '../domain/audit-chain.ts';
import type { AuditOutcome } from '../domain/audit-entry.ts';
import { auditOutcomes } from '../domain/audit-entry.ts';
import type { Json } from '../domain/canonical-json.ts';
import type { AuditEntryRow } from '../store/audit-log.ts';
import { findEntry } from '../store/audit-log.ts';

export const AuditOutcomes = Object.fromEntries(
  auditOutcomes.map((outcome) => [outcome.toUpperCase(), outcome]),
);
registerEnumType(AuditOutcomes, {
  name: 'AuditOutcome',
  description: 'SUCCESS: it was done. REFUSED: a rule said no. FAILURE: it was tried and broke.',
});

@ObjectType({ description: 'The thing that was acted on.' })
export class AuditTarget {
  @Field(() => String)
  type!: string;

  @Field(() => ID)
  id!: string;
}

@ObjectType({
  implements: Node,
  description: 'Who did what to which thing. An entry is never changed or removed.',
})
@Directive('@key(fields: "id")')
export class AuditEntry implements Node {
  @Field(() => ID)
  id!: string;

  @Field(() => Int, { description: "Its place in the tenant's log, from 1, without holes." })
  sequence!: number;

  @Field(() => String, { description: 'What was done, as in `job.submitted`.' })
  action!: string;

  @Field(() => DateTime, { description: 'When it was done.' })
  at!: Date;

  @Field(() => String, { description: 'Who did it, as in `user:alice`.' })
  actor!: string;

  @Field(() => String, { description: '`user`, `service` or `ai-employee`.' })
  actorType!: string;

  @Field(() => ID)
  actorId!: string;

  @Field(() => AuditOutcomes)
  outcome!: AuditOutcome;

  @Field(() => AuditTarget)
  target!: AuditTarget;

  @Field(() => JSONValue, { description: 'What else was recorded about it.' })
  facts!: Json;

  @Field(() => String, { description: "SHA-256 of the entry's bytes as a Merkle leaf, in hex." })
  leafHash!: string;

  @Field(() => String, { description: 'Stands for this entry and all before it, in hex.' })
  chainHash!: string;

  @Field(() => DateTime, { description: 'When it was written into the log.' })
  recordedAt!: Date;

  static of(row: AuditEntryRow): AuditEntry {
    return Object.assign(new AuditEntry(), {
      id: row.id,
      sequence: row.sequence,
      action: row.action,
      at: row.at,
      actor: `${row.actorType}:${row.actorId}`,
      actorType: row.actorType,
      actorId: row.actorId,
      outcome: row.outcome,
      target: Object.assign(new AuditTarget(), { type: row.targetType, id: row.targetId }),
      facts: factsOf(row.text) ?? null,
      leafHash: row.leaf.toString('hex'),
      chainHash: row.head.toString('hex'),
      recordedAt: row.recordedAt,
    });
  }
}

export const { Connection: AuditEntryConnection } = Connection(AuditEntry);

@Resolver(() => AuditEntry)
export class AuditEntryResolver {
  @Authorized('compliance:read')
  @Query(() => AuditEntry, { nullable: true })
  auditEntry(@Ctx() ctx: Context, @Arg('id', () => ID) id: string): Promise<AuditEntry | null> {
    return auditEntryReference({ id }, ctx);
  }
}

/** One entry, for whoever may read the log; another tenant's reads as missing. */
export async function auditEntryReference(
  reference: { id: string },
  ctx: Context,
): Promise<AuditEntry | null> {
  if (!can(ctx.identity, 'compliance:read')) {
    throw new ForgeError(
      'FORBIDDEN',
      'Reading audit entries needs the permission compliance:read.',
    );
  }
  const row = await ctx.db.tx((tx) => findEntry(tx, reference.id));
  return row && AuditEntry.of(row);
}
