import {
  Arg,
  Authorized,
  Ctx,
  Field,
  ID,
  ObjectType,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import type { Context } from '../../../shared/context.ts';
import { notFound } from '../../../shared/errors.ts';
import { DateTime } from '../../../shared/graph.ts';
import { isId } from '../../../shared/ids.ts';
import { sleep } from '../../../shared/time.ts';
import { bellOf, pollMs } from '../../../shared/wakeups.ts';
import { windowAt } from '../../domain/metering/window.ts';
import { usageTopic } from '../../store/metering/ingest.ts';
import { findMeter } from '../../store/metering/meters.ts';
import type { MeterRow } from '../../store/metering/rows.ts';
import { readQuantity } from '../../store/metering/usage.ts';
import { Meter } from './meter.ts';

@ObjectType('UsageUpdate', { description: 'What a meter has counted in the month so far.' })
export class UsageUpdate {
  @Field(() => Meter) meter!: Meter;
  @Field(() => DateTime, { description: 'The beginning of the month, in UTC.' }) from!: Date;
  @Field(() => DateTime) asOf!: Date;
  @Field(() => String, { nullable: true, description: 'An exact decimal.' }) value!: string | null;
}

/** How often a watcher is told at most, however fast events come. */
const pauseMs = 250;

@Resolver()
export class UsageUpdatedResolver {
  @Authorized('billing:read')
  @Subscription(() => UsageUpdate, {
    description:
      'What a meter has counted in the month so far: as it is now, then whenever it has changed, at most four times a second.',
    subscribe: async ({ args, context }: { args: { meterId: string }; context: Context }) => {
      const { meterId } = args;
      const meter = isId('meter', meterId)
        ? await context.db.tx((tx) => findMeter(tx, meterId))
        : null;
      if (!meter) throw notFound('Meter');
      return updatesOf(context, meter);
    },
  })
  usageUpdated(
    @Root() update: UsageUpdate,
    @Ctx() _ctx: Context,
    @Arg('meterId', () => ID) _meterId: string,
  ): UsageUpdate {
    return update;
  }
}

/** A wake-up only says that it is worth looking: one that is lost costs a look two seconds later. */
async function* updatesOf(
  { db, tenant, clock, signal }: Pick<Context, 'db' | 'tenant' | 'clock' | 'signal'>,
  meter: MeterRow,
): AsyncGenerator<UsageUpdate> {
  const bell = bellOf(db.wakeups, usageTopic(tenant, meter.id));
  let last: string | undefined;
  try {
    while (!signal.aborted) {
      // Listening began before the look, so nothing falls between the two.
      bell.quiet();
      const asOf = clock.now();
      const { start: from, end } = windowAt('MONTH', asOf);
      const value = await db.tx((tx) => readQuantity(tx, meter, { from, to: end }));
      const seen = `${from.toISOString()} ${String(value)}`;
      if (seen !== last) {
        last = seen;
        yield Object.assign(new UsageUpdate(), { meter: Meter.of(meter), from, asOf, value });
      }
      await sleep(pauseMs, signal).catch(() => undefined);
      await bell.ring(pollMs, signal);
    }
  } finally {
    bell.remove();
  }
}
