import {
  Arg,
  Authorized,
  createUnionType,
  Ctx,
  Field,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  registerEnumType,
  Resolver,
} from 'type-graphql';
import type { Context } from '../../../shared/context.ts';
import { badInput } from '../../../shared/errors.ts';
import {
  DateTime,
  IdempotencyKeyReused,
  JSONValue,
  ListSize,
  Refusal,
} from '../../../shared/graph.ts';
import { once } from '../../../shared/idempotency.ts';
import type { IngestResult, IngestStatus } from '../../store/metering/ingest.ts';
import { batchMax, ingestStatuses, ingestUsage } from '../../store/metering/ingest.ts';

const UsageIngestStatus = Object.fromEntries(ingestStatuses.map((status) => [status, status]));
registerEnumType(UsageIngestStatus, {
  name: 'UsageIngestStatus',
  description:
    'DUPLICATE: the same event is here already, and counts once. CONFLICT: another event has its source and id; that one stays. REJECTED: it cannot be counted.',
});

@InputType('UsageEventInput', { description: 'A CloudEvent 1.0. Source and id name it for ever.' })
export class UsageEventInput {
  @Field(() => ID) id!: string;
  @Field(() => String) source!: string;
  @Field(() => String) type!: string;
  @Field(() => String, { nullable: true, description: 'Whose usage it is.' }) subject?:
    string | null;
  @Field(() => DateTime, { nullable: true, description: 'When it was: now, when left out.' })
  time?: Date | null;
  @Field(() => JSONValue, { nullable: true, description: 'A JSON object.' }) data?: unknown;
}

@InputType('IngestUsageEventsInput')
export class IngestUsageEventsInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => [UsageEventInput], { description: 'At most 1,000.' }) events!: UsageEventInput[];
  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Whether none is taken unless all can be.',
  })
  atomic = false;
}

@ObjectType('UsageIngestResult', { description: 'What became of an event.' })
export class UsageIngestResult {
  @Field(() => ID, { nullable: true }) id!: string | null;
  @Field(() => String, { nullable: true }) source!: string | null;
  @Field(() => UsageIngestStatus) status!: IngestStatus;
  @Field(() => String, { nullable: true }) reason!: string | null;
}

@ObjectType('IngestUsageEventsSuccess')
export class IngestUsageEventsSuccess {
  @Field(() => Int) accepted!: number;
  @Field(() => Int) duplicates!: number;
  @Field(() => Int) conflicts!: number;
  @Field(() => Int) rejected!: number;
  @ListSize(100)
  @Field(() => [UsageIngestResult], { description: 'In the order of the events.' })
  results!: UsageIngestResult[];
  @Field(() => Boolean) replayed!: boolean;
}

@ObjectType('UsageEventsRefused', {
  implements: Refusal,
  description: 'At least one event cannot be taken, so none was.',
})
export class UsageEventsRefused extends Refusal {
  @ListSize(100)
  @Field(() => [UsageIngestResult], { description: 'In the order of the events.' })
  results!: UsageIngestResult[];
}

export const IngestUsageEventsResult = createUnionType({
  name: 'IngestUsageEventsResult',
  types: () => [IngestUsageEventsSuccess, UsageEventsRefused, IdempotencyKeyReused] as const,
});

/** Ends the transaction of events of which none may be kept. */
class NoneTaken extends Error {
  readonly results: readonly IngestResult[];

  constructor(results: readonly IngestResult[]) {
    super('An event cannot be taken.');
    this.results = results;
  }
}

@Resolver()
export class IngestUsageEventsResolver {
  @Authorized('billing:write')
  @Mutation(() => IngestUsageEventsResult, {
    description:
      'Takes usage events, each counted once by its source and id. POST /v1/events takes them as plain CloudEvents.',
  })
  async ingestUsageEvents(
    @Arg('input', () => IngestUsageEventsInput) input: IngestUsageEventsInput,
    @Ctx() ctx: Context,
  ): Promise<IngestUsageEventsSuccess | UsageEventsRefused | IdempotencyKeyReused> {
    const { idempotencyKey: key, atomic } = input;
    if (input.events.length === 0 || input.events.length > batchMax) {
      throw badInput(`"events" must have 1 to ${String(batchMax)} events.`, 'events');
    }
    const events = input.events.map(cloudEventOf);
    try {
      const call = { operation: 'ingestUsageEvents', key, input: { events, atomic } };
      const outcome = await once(ctx, call, async (tx) => {
        const { actor } = ctx;
        const results = await ingestUsage(tx, { events, actor, at: ctx.clock.now() });
        if (atomic && results.some(isProblem)) throw new NoneTaken(results);
        return results;
      });
      if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);
      const { value: results, replayed } = outcome;
      return Object.assign(new IngestUsageEventsSuccess(), {
        ...countsOf(results),
        ...{ results, replayed },
      });
    } catch (cause) {
      if (!(cause instanceof NoneTaken)) throw cause;
      const message = 'At least one event cannot be taken, so none was.';
      const { results } = cause;
      return Object.assign(new UsageEventsRefused(), { code: 'EVENTS_REFUSED', message, results });
    }
  }
}

/** How many of a batch became what. */
export function countsOf(results: readonly IngestResult[]) {
  const count = (status: IngestStatus) => results.filter((one) => one.status === status).length;
  return {
    accepted: count('ACCEPTED'),
    duplicates: count('DUPLICATE'),
    conflicts: count('CONFLICT'),
    rejected: count('REJECTED'),
  };
}

/** Whether an event was not taken and is not here either. */
export function isProblem({ status }: IngestResult): boolean {
  return status === 'CONFLICT' || status === 'REJECTED';
}

function cloudEventOf({ id, source, type, subject, time, data }: UsageEventInput): object {
  return {
    specversion: '1.0',
    ...{ id, source, type },
    ...(subject != null && { subject }),
    ...(time != null && { time: time.toISOString() }),
    ...(data != null && { data }),
  };
}
