import {
  Arg,
  Authorized,
  createUnionType,
  Ctx,
  Field,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Resolver,
} from 'type-graphql';
import type { Context } from '../../../shared/context.ts';
import { badInput } from '../../../shared/errors.ts';
import {
  IdempotencyKeyReused,
  JSONValue,
  NotFoundRefusal,
  Refusal,
} from '../../../shared/graph.ts';
import { once } from '../../../shared/idempotency.ts';
import type { EventData, UsageEvent as SentEvent } from '../../domain/metering/cloud-event.ts';
import { readCloudEvent } from '../../domain/metering/cloud-event.ts';
import { canMeasure } from '../../domain/metering/meter.ts';
import { amendUsage, findEvent } from '../../store/metering/amend.ts';
import { metersOfTypes } from '../../store/metering/meters.ts';
import { UsageEvent } from './usage-event.ts';

@InputType('CorrectUsageEventInput')
export class CorrectUsageEventInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => String) source!: string;
  @Field(() => ID) id!: string;
  @Field(() => JSONValue, { description: 'What its data should have been: a JSON object.' })
  data!: unknown;
  @Field(() => String, { description: 'At most 500 characters.' }) reason!: string;
}

@InputType('VoidUsageEventInput')
export class VoidUsageEventInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => String) source!: string;
  @Field(() => ID) id!: string;
  @Field(() => String, { description: 'At most 500 characters.' }) reason!: string;
}

@ObjectType('AmendUsageEventSuccess')
export class AmendUsageEventSuccess {
  @Field(() => UsageEvent) event!: UsageEvent;
  @Field(() => Boolean) replayed!: boolean;
}

@ObjectType('UsageEventInvalid', {
  implements: Refusal,
  description: 'With this data the event could not be counted. It stays as it is.',
})
export class UsageEventInvalid extends Refusal {}

export const AmendUsageEventResult = createUnionType({
  name: 'AmendUsageEventResult',
  types: () =>
    [AmendUsageEventSuccess, UsageEventInvalid, NotFoundRefusal, IdempotencyKeyReused] as const,
});

type Answer = AmendUsageEventSuccess | UsageEventInvalid | NotFoundRefusal | IdempotencyKeyReused;

const reasonLengthMax = 500;

@Resolver()
export class AmendUsageEventResolver {
  @Authorized('billing:write')
  @Mutation(() => AmendUsageEventResult, {
    description:
      'Counts an event as if it had said otherwise. What was sent is kept; an invoice that is out is followed by an adjustment.',
  })
  correctUsageEvent(
    @Arg('input', () => CorrectUsageEventInput) input: CorrectUsageEventInput,
    @Ctx() ctx: Context,
  ): Promise<Answer> {
    return amend(ctx, 'correctUsageEvent', input, input.data);
  }

  @Authorized('billing:write')
  @Mutation(() => AmendUsageEventResult, {
    description: 'Counts an event no more. What was sent is kept.',
  })
  voidUsageEvent(
    @Arg('input', () => VoidUsageEventInput) input: VoidUsageEventInput,
    @Ctx() ctx: Context,
  ): Promise<Answer> {
    return amend(ctx, 'voidUsageEvent', input, null);
  }
}

async function amend(
  ctx: Context,
  operation: string,
  { idempotencyKey: key, source, id, reason }: VoidUsageEventInput,
  data: unknown,
): Promise<Answer> {
  if (reason.length > reasonLengthMax || !reason.isWellFormed() || reason.includes('\u0000')) {
    throw badInput(`"reason" must have at most ${String(reasonLengthMax)} characters.`, 'reason');
  }
  const call = { operation, key, input: { source, id, reason, data: data ?? null } };
  const outcome = await once(ctx, call, async (tx) => {
    const event = await findEvent(tx, source, id);
    if (!event) return { kind: 'not-found' } as const;
    const at = ctx.clock.now();
    const read = data === null ? null : readCloudEvent(asSent({ ...event, data }), at);
    if (read?.kind === 'rejected') return { kind: 'invalid', reason: read.reason } as const;
    const meters = await metersOfTypes(tx, [event.type]);
    const blind = read && meters.find((meter) => !canMeasure(meter, read.event));
    if (blind) {
      return { kind: 'invalid', reason: `The meter "${blind.slug}" finds no value.` } as const;
    }
    const { actor } = ctx;
    await amendUsage(tx, { source, id, data: read?.event.data ?? null, reason, actor, at });
    return { kind: 'amended' } as const;
  });
  if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);
  const { value, replayed } = outcome;
  if (value.kind === 'invalid') {
    const refusal = { code: 'USAGE_EVENT_INVALID', message: value.reason };
    return Object.assign(new UsageEventInvalid(), refusal);
  }
  const row = value.kind === 'amended' ? await ctx.db.tx((tx) => findEvent(tx, source, id)) : null;
  if (!row) return NotFoundRefusal.of('Usage event');
  return Object.assign(new AmendUsageEventSuccess(), { event: UsageEvent.of(row), replayed });
}

/** An event as its producer would send it now. */
function asSent({ data, ...event }: Omit<SentEvent, 'data'> & { readonly data: unknown }): object {
  const { id, source, type, subject } = event;
  return { specversion: '1.0', id, source, type, subject, data: data as EventData };
}
