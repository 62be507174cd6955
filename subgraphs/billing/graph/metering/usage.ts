import {
  Arg,
  Authorized,
  Ctx,
  Field,
  ID,
  InputType,
  Int,
  ObjectType,
  Query,
  registerEnumType,
  Resolver,
} from 'type-graphql';
import type { Context } from '../../../shared/context.ts';
import { badInput, ForgeError, notFound } from '../../../shared/errors.ts';
import { Cost, DateTime, JSONValue, ListSize } from '../../../shared/graph.ts';
import { isId } from '../../../shared/ids.ts';
import type { UsageWindow } from '../../domain/metering/window.ts';
import { usageWindows, wholeWindows, windowAt } from '../../domain/metering/window.ts';
import { findMeter } from '../../store/metering/meters.ts';
import type { UsagePoint as Point } from '../../store/metering/usage.ts';
import { pointsMax, readSeries } from '../../store/metering/usage.ts';
import { Meter } from './meter.ts';

const UsageWindowEnum = Object.fromEntries(usageWindows.map((window) => [window, window]));
registerEnumType(UsageWindowEnum, {
  name: 'UsageWindow',
  description: 'Spans of time in UTC. Weeks begin on Monday.',
});

@InputType('UsageInput')
export class UsageInput {
  @Field(() => ID) meterId!: string;
  @Field(() => DateTime, { description: 'Widened to the beginning of its window.' }) from!: Date;
  @Field(() => DateTime, { description: 'Widened to the end of its window.' }) to!: Date;
  @Field(() => UsageWindowEnum) window!: UsageWindow;
  @Field(() => String, { nullable: true, description: 'Only of this subject.' })
  subject?: string | null;
  @Field(() => [String], { nullable: true, description: "Members of the meter's groupBy." })
  groupBy?: string[] | null;
  @Field(() => Boolean, { defaultValue: false, description: 'Told apart by subject as well.' })
  bySubject = false;
}

@ObjectType('UsagePoint', { description: 'What was used in one window, of one group.' })
export class UsagePoint {
  @Field(() => DateTime) start!: Date;
  @Field(() => DateTime) end!: Date;
  @Field(() => String, { nullable: true, description: 'An exact decimal.' }) value!: string | null;
  @Field(() => Int) events!: number;
  @Field(() => String, { nullable: true }) subject!: string | null;
  @Field(() => JSONValue, { description: 'The members that were asked for, by name.' })
  dimensions!: Readonly<Record<string, string>>;

  static of(window: UsageWindow, { start, value, events, subject, dims }: Point): UsagePoint {
    const { end } = windowAt(window, start);
    const fields = { start, end, value, events, subject, dimensions: dims };
    return Object.assign(new UsagePoint(), fields);
  }
}

@ObjectType('UsageSeries', {
  description: 'What a meter counted. Windows of no usage are left out.',
})
export class UsageSeries {
  @Field(() => Meter) meter!: Meter;
  @Field(() => UsageWindowEnum) window!: UsageWindow;
  @Field(() => DateTime) from!: Date;
  @Field(() => DateTime) to!: Date;
  @ListSize(500)
  @Field(() => [UsagePoint])
  points!: UsagePoint[];
}

@Resolver()
export class UsageResolver {
  @Authorized('billing:read')
  @Cost(50)
  @Query(() => UsageSeries, {
    description: `What a meter counted, window by window, at most ${String(pointsMax)} points.`,
  })
  async usage(
    @Arg('input', () => UsageInput) input: UsageInput,
    @Ctx() ctx: Context,
  ): Promise<UsageSeries> {
    const { meterId, window, bySubject } = input;
    if (input.from >= input.to) throw badInput('The span ends before it begins.', 'to');
    const { start: from, end: to, count } = wholeWindows(window, input);
    if (count > pointsMax) throw tooMany();
    const groupBy = input.groupBy ?? [];
    const subject = input.subject ?? undefined;
    return ctx.db.tx(async (tx) => {
      const meter = isId('meter', meterId) ? await findMeter(tx, meterId) : null;
      if (!meter) throw notFound('Meter');
      const unknown = groupBy.find((property) => !meter.groupBy.includes(property));
      if (unknown !== undefined) {
        throw badInput(`The meter does not group by "${unknown}".`, 'groupBy');
      }
      const question = { from, to, subject, groupBy, bySubject };
      const points = await readSeries(tx, meter, window, question);
      if (points.length > pointsMax) throw tooMany();
      return Object.assign(new UsageSeries(), {
        ...{ meter: Meter.of(meter), window, from, to },
        points: points.map((point) => UsagePoint.of(window, point)),
      });
    });
  }
}

function tooMany(): ForgeError {
  const message = `More than ${String(pointsMax)} points. Ask for a shorter span or longer windows.`;
  return new ForgeError('LIMIT_EXCEEDED', message);
}
