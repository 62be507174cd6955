import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  ObjectType,
  Query,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql';
import type { Context } from '../../../shared/context.ts';
import { DateTime, JSONValue } from '../../../shared/graph.ts';
import { defineLoader } from '../../../shared/loaders.ts';
import type { ConnectionValue } from '../../../shared/pagination.ts';
import { Connection, ConnectionArgs, paginate } from '../../../shared/pagination.ts';
import type { EventData } from '../../domain/metering/cloud-event.ts';
import { lastAmendments, listEvents } from '../../store/metering/amend.ts';
import type { UsageAmendmentRow, UsageEventRow } from '../../store/metering/rows.ts';

const UsageEventStatus = { ACCEPTED: 'ACCEPTED', CORRECTED: 'CORRECTED', VOIDED: 'VOIDED' };
registerEnumType(UsageEventStatus, {
  name: 'UsageEventStatus',
  description: 'Whether an event counts as it was sent, as it was corrected, or not at all.',
});

@ObjectType('UsageEvent', { description: 'An event as it was sent. It is never changed.' })
export class UsageEvent {
  @Field(() => ID) id!: string;
  @Field(() => String) source!: string;
  @Field(() => String) type!: string;
  @Field(() => String) subject!: string;
  @Field(() => DateTime) time!: Date;
  @Field(() => DateTime) receivedAt!: Date;
  @Field(() => JSONValue) data!: EventData;

  static of(row: UsageEventRow): UsageEvent {
    return Object.assign(new UsageEvent(), row);
  }
}

@InputType('UsageEventFilter', { description: 'What is left out is not asked for.' })
export class UsageEventFilter {
  @Field(() => String, { nullable: true }) type?: string | null;
  @Field(() => String, { nullable: true }) subject?: string | null;
}

export const { Connection: UsageEventConnection } = Connection(UsageEvent);

@Resolver(() => UsageEvent)
export class UsageEventResolver {
  @Authorized('billing:read')
  @Query(() => UsageEventConnection, { description: 'Usage events, the latest first.' })
  usageEvents(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
    @Arg('filter', () => UsageEventFilter, { nullable: true }) filter?: UsageEventFilter | null,
  ): Promise<ConnectionValue<UsageEvent>> {
    return paginate(
      ctx,
      'usageEvents',
      args,
      ({ limit, after }) =>
        ctx.db.tx((tx) =>
          listEvents(tx, {
            type: filter?.type ?? undefined,
            subject: filter?.subject ?? undefined,
            limit,
            after: after && [String(after[0]), String(after[1]), String(after[2])],
          }),
        ),
      ({ time, source, id }) => [time.toISOString(), source, id],
      (row) => UsageEvent.of(row),
    );
  }

  @Authorized('billing:read')
  @FieldResolver(() => UsageEventStatus)
  async status(@Root() event: UsageEvent, @Ctx() ctx: Context): Promise<string> {
    return (await ctx.load(amendmentByEvent, keyOf(event)))?.kind ?? 'ACCEPTED';
  }

  @Authorized('billing:read')
  @FieldResolver(() => JSONValue, {
    nullable: true,
    description: 'What it counts as now, if it was corrected.',
  })
  async correctedData(@Root() event: UsageEvent, @Ctx() ctx: Context): Promise<EventData | null> {
    return (await ctx.load(amendmentByEvent, keyOf(event)))?.data ?? null;
  }
}

const amendmentByEvent = defineLoader<string, UsageAmendmentRow>(
  'usage-amendment',
  async (ctx, keys) => {
    const events = keys.map((key) => {
      const [source = '', id = ''] = JSON.parse(key) as string[];
      return { source, id };
    });
    const rows = await ctx.db.tx((tx) => lastAmendments(tx, events));
    return new Map(rows.map((row) => [keyOf({ source: row.source, id: row.eventId }), row]));
  },
);

function keyOf({ source, id }: Pick<UsageEvent, 'source' | 'id'>): string {
  return JSON.stringify([source, id]);
}
