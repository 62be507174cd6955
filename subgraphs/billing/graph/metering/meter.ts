import {
  Arg,
  Args,
  Authorized,
  createUnionType,
  Ctx,
  Field,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Query,
  registerEnumType,
  Resolver,
} from 'type-graphql';
import { audit } from '../../../shared/audit.ts';
import type { Context } from '../../../shared/context.ts';
import {
  DateTime,
  IdempotencyKeyReused,
  ListSize,
  Node,
  NotFoundRefusal,
  Refusal,
} from '../../../shared/graph.ts';
import { once } from '../../../shared/idempotency.ts';
import { isId } from '../../../shared/ids.ts';
import type { ConnectionValue } from '../../../shared/pagination.ts';
import { Connection, ConnectionArgs, paginate } from '../../../shared/pagination.ts';
import type { Aggregation, MeterDraft, MeterProblem } from '../../domain/metering/meter.ts';
import { aggregations, meterProblems } from '../../domain/metering/meter.ts';
import { archiveMeter, findMeter, insertMeter, listMeters } from '../../store/metering/meters.ts';
import type { MeterRow } from '../../store/metering/rows.ts';

const UsageAggregation = Object.fromEntries(aggregations.map((name) => [name, name]));
registerEnumType(UsageAggregation, {
  name: 'UsageAggregation',
  description:
    'How events become one number. LATEST is by time, then source and id. UNIQUE counts different values. WEIGHTED_SUM takes each value for a change of a level and gives its average over time.',
});

@ObjectType('Meter', { implements: Node, description: 'Counts the usage events of a type.' })
export class Meter extends Node {
  @Field(() => String) slug!: string;
  @Field(() => String) name!: string;
  @Field(() => String) eventType!: string;
  @Field(() => UsageAggregation) aggregation!: Aggregation;
  @Field(() => String, { nullable: true, description: 'The member of the data that is counted.' })
  valueProperty!: string | null;
  @ListSize(5)
  @Field(() => [String], { description: 'Members of the data by which usage can be told apart.' })
  groupBy!: string[];
  @Field(() => String) unit!: string;
  @Field(() => DateTime) createdAt!: Date;
  @Field(() => DateTime, { nullable: true }) archivedAt!: Date | null;

  static of(row: MeterRow): Meter {
    return Object.assign(new Meter(), row);
  }
}

@InputType('CreateMeterInput')
export class CreateMeterInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => String, { description: 'Lower-case words joined by "-" or "_".' }) slug!: string;
  @Field(() => String) name!: string;
  @Field(() => String) eventType!: string;
  @Field(() => UsageAggregation) aggregation!: Aggregation;
  @Field(() => String, { nullable: true, description: 'Left out for COUNT.' })
  valueProperty?: string | null;
  @Field(() => [String], { nullable: true, description: 'At most 5 members of the data.' })
  groupBy?: string[] | null;
  @Field(() => String) unit!: string;
}

@ObjectType('MeterProblem')
class MeterProblemType {
  @Field(() => String) field!: string;
  @Field(() => String) message!: string;
}

@ObjectType('MeterInvalid', { implements: Refusal, description: 'No such meter can be made.' })
export class MeterInvalid extends Refusal {
  @ListSize(6)
  @Field(() => [MeterProblemType])
  problems!: MeterProblemType[];

  static of(problems: readonly MeterProblem[]): MeterInvalid {
    const message = problems.map((one) => `"${one.field}" ${one.message}`).join('; ');
    return Object.assign(new MeterInvalid(), { code: 'METER_INVALID', message, problems });
  }
}

@ObjectType('CreateMeterSuccess')
export class CreateMeterSuccess {
  @Field(() => Meter) meter!: Meter;
  @Field(() => Boolean) replayed!: boolean;
}

export const CreateMeterResult = createUnionType({
  name: 'CreateMeterResult',
  types: () => [CreateMeterSuccess, MeterInvalid, IdempotencyKeyReused] as const,
});

@InputType('ArchiveMeterInput')
export class ArchiveMeterInput {
  @Field(() => ID) id!: string;
  @Field(() => String) idempotencyKey!: string;
}

@ObjectType('ArchiveMeterSuccess')
export class ArchiveMeterSuccess {
  @Field(() => Meter) meter!: Meter;
  @Field(() => Boolean) replayed!: boolean;
}

export const ArchiveMeterResult = createUnionType({
  name: 'ArchiveMeterResult',
  types: () => [ArchiveMeterSuccess, NotFoundRefusal, IdempotencyKeyReused] as const,
});

export const { Connection: MeterConnection } = Connection(Meter);

@Resolver()
export class MeterResolver {
  @Authorized('billing:read')
  @Query(() => Meter, { nullable: true })
  async meter(@Arg('id', () => ID) id: string, @Ctx() ctx: Context): Promise<Meter | null> {
    return findShown(ctx, id);
  }

  @Authorized('billing:read')
  @Query(() => MeterConnection, { description: 'The meters of the tenant, newest first.' })
  meters(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
  ): Promise<ConnectionValue<Meter>> {
    return paginate(
      ctx,
      'meters',
      args,
      ({ limit, after }) =>
        ctx.db.tx((tx) => listMeters(tx, { limit, beforeId: after?.[0]?.toString() })),
      (row) => [row.id],
      (row) => Meter.of(row),
    );
  }

  @Authorized('billing:write')
  @Mutation(() => CreateMeterResult, {
    description: 'Makes a meter. It also counts the events of its type that came before.',
  })
  async createMeter(
    @Arg('input', () => CreateMeterInput) input: CreateMeterInput,
    @Ctx() ctx: Context,
  ): Promise<CreateMeterSuccess | MeterInvalid | IdempotencyKeyReused> {
    const draft = draftOf(input);
    const problems = meterProblems(draft);
    if (problems.length > 0) return MeterInvalid.of(problems);

    const call = { operation: 'createMeter', key: input.idempotencyKey, input: draft };
    const outcome = await once(ctx, call, async (tx) => {
      const at = ctx.clock.now();
      const meter = await insertMeter(tx, draft, at);
      if (!meter) return null;
      const target = { type: 'meter', id: meter.id };
      await audit(tx, {
        ...{ actor: ctx.actor, action: 'meter.created', target, outcome: 'success', at },
        facts: { slug: draft.slug, eventType: draft.eventType },
      });
      return meter.id;
    });
    if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);
    const meter = outcome.value === null ? null : await findShown(ctx, outcome.value);
    if (!meter) return MeterInvalid.of([{ field: 'slug', message: 'is that of another meter' }]);
    return Object.assign(new CreateMeterSuccess(), { meter, replayed: outcome.replayed });
  }

  @Authorized('billing:write')
  @Mutation(() => ArchiveMeterResult, {
    description: 'Ends a meter. What it counted stays; it counts no event that comes later.',
  })
  async archiveMeter(
    @Arg('input', () => ArchiveMeterInput) { id, idempotencyKey: key }: ArchiveMeterInput,
    @Ctx() ctx: Context,
  ): Promise<ArchiveMeterSuccess | NotFoundRefusal | IdempotencyKeyReused> {
    const outcome = await once(
      ctx,
      { operation: 'archiveMeter', key, input: { id } },
      async (tx) => {
        const at = ctx.clock.now();
        const meter = isId('meter', id) ? await archiveMeter(tx, id, at) : null;
        if (!meter) return false;
        const target = { type: 'meter', id };
        const { actor } = ctx;
        await audit(tx, { actor, action: 'meter.archived', target, outcome: 'success', at });
        return true;
      },
    );
    if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);
    const meter = outcome.value ? await findShown(ctx, id) : null;
    if (!meter) return NotFoundRefusal.of('Meter');
    return Object.assign(new ArchiveMeterSuccess(), { meter, replayed: outcome.replayed });
  }
}

async function findShown(ctx: Context, id: string): Promise<Meter | null> {
  if (!isId('meter', id)) return null;
  const row = await ctx.db.tx((tx) => findMeter(tx, id));
  return row && Meter.of(row);
}

function draftOf(input: CreateMeterInput): MeterDraft {
  const { slug, name, eventType, aggregation, valueProperty, groupBy, unit } = input;
  return {
    ...{ slug, name, eventType, aggregation, unit },
    valueProperty: valueProperty ?? null,
    groupBy: groupBy ?? [],
  };
}
