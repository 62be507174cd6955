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
  registerEnumType,
  Resolver,
} from 'type-graphql';
import { audit } from '../../../shared/audit.ts';
import type { Context } from '../../../shared/context.ts';
import type { Tx } from '../../../shared/db.ts';
import { badInput } from '../../../shared/errors.ts';
import { IdempotencyKeyReused, NotFoundRefusal, Refusal } from '../../../shared/graph.ts';
import { once } from '../../../shared/idempotency.ts';
import { isId } from '../../../shared/ids.ts';
import { isTimeZone } from '../../domain/pricing/billing-period.ts';
import { latestVersion } from '../../store/pricing/plans.ts';
import type { PlanVersionRow, SubscriptionRow } from '../../store/pricing/rows.ts';
import {
  changePhase,
  endSubscription,
  findSubscription,
  insertSubscription,
  lockSubscription,
  periodEnd,
} from '../../store/pricing/subscriptions.ts';
import { BillingSubscription } from './subscription.ts';

const ChangeTime = { NOW: 'NOW', PERIOD_END: 'PERIOD_END' } as const;
registerEnumType(ChangeTime, { name: 'SubscriptionChangeTime' });

@InputType('SubscribeInput')
export class SubscribeInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => ID) planId!: string;
  @Field(() => String, { description: 'The subject of the usage events that are charged.' })
  customer!: string;
  @Field(() => String, { nullable: true, description: 'ISO 3166-1: where the customer is taxed.' })
  country?: string | null;
  @Field(() => String, { defaultValue: 'UTC', description: 'IANA, as in Europe/Berlin.' })
  timeZone = 'UTC';
}

@InputType('ChangeSubscriptionInput')
export class ChangeSubscriptionInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => ID) id!: string;
  @Field(() => ID) planId!: string;
  @Field(() => ChangeTime) at!: keyof typeof ChangeTime;
}

@InputType('CancelSubscriptionInput')
export class CancelSubscriptionInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => ID) id!: string;
  @Field(() => ChangeTime) at!: keyof typeof ChangeTime;
}

@ObjectType('SubscriptionSuccess')
export class SubscriptionSuccess {
  @Field(() => BillingSubscription) subscription!: BillingSubscription;
  @Field(() => Boolean) replayed!: boolean;
}

@ObjectType('SubscriptionRefused', {
  implements: Refusal,
  description: 'The subscription is over, or the plan bills in another currency or interval.',
})
export class SubscriptionRefused extends Refusal {}

export const SubscriptionResult = createUnionType({
  name: 'SubscriptionResult',
  types: () =>
    [SubscriptionSuccess, SubscriptionRefused, NotFoundRefusal, IdempotencyKeyReused] as const,
});

type Answer = SubscriptionSuccess | SubscriptionRefused | NotFoundRefusal | IdempotencyKeyReused;
type Outcome =
  { readonly id: string } | { readonly missing: string } | { readonly refused: string };

@Resolver()
export class SubscribeResolver {
  @Authorized('billing:write')
  @Mutation(() => SubscriptionResult, {
    description: 'Puts a customer on the latest version of a plan, from now on. Billed in arrears.',
  })
  subscribe(
    @Arg('input', () => SubscribeInput) input: SubscribeInput,
    @Ctx() ctx: Context,
  ): Promise<Answer> {
    const { planId, customer, timeZone } = input;
    const country = input.country ?? null;
    if (customer === '' || customer.length > 256 || customer.includes('\u0000')) {
      throw badInput('"customer" must have 1 to 256 characters.', 'customer');
    }
    if (!isTimeZone(timeZone)) throw badInput('There is no such time zone.', 'timeZone');
    if (country !== null && !/^[A-Z]{2}$/.test(country)) {
      throw badInput('"country" must be an ISO 3166-1 code.', 'country');
    }
    return changed(
      ctx,
      'subscribe',
      input.idempotencyKey,
      { planId, customer, country, timeZone },
      async (tx) => {
        const version = await versionOf(tx, planId);
        if (!version) return { missing: 'Plan' };
        const startsAt = ctx.clock.now();
        const terms = { customer, country, timeZone, startsAt };
        const { id } = await insertSubscription(tx, version, terms);
        return { id };
      },
    );
  }

  @Authorized('billing:write')
  @Mutation(() => SubscriptionResult, {
    description:
      'Puts a subscription on the latest version of a plan of the same currency and interval.',
  })
  changeSubscription(
    @Arg('input', () => ChangeSubscriptionInput) input: ChangeSubscriptionInput,
    @Ctx() ctx: Context,
  ): Promise<Answer> {
    const { id, planId, at, idempotencyKey: key } = input;
    return changed(ctx, 'changeSubscription', key, { id, planId, at }, async (tx) => {
      const row = await locked(tx, id);
      if (!row) return { missing: 'Subscription' };
      const version = await versionOf(tx, planId);
      if (!version) return { missing: 'Plan' };
      const now = ctx.clock.now();
      if (row.endsAt) return { refused: 'The subscription has been cancelled.' };
      const fits =
        version.currency === row.currency &&
        version.interval === row.interval &&
        version.intervalCount === row.intervalCount;
      if (!fits) return { refused: 'The plan bills in another currency or interval.' };
      await changePhase(tx, row, version, at === 'NOW' ? now : periodEnd(row, now));
      return { id };
    });
  }

  @Authorized('billing:write')
  @Mutation(() => SubscriptionResult, {
    description: 'Ends a subscription. What was used until then is billed.',
  })
  cancelSubscription(
    @Arg('input', () => CancelSubscriptionInput) input: CancelSubscriptionInput,
    @Ctx() ctx: Context,
  ): Promise<Answer> {
    const { id, at, idempotencyKey: key } = input;
    return changed(ctx, 'cancelSubscription', key, { id, at }, async (tx) => {
      const row = await locked(tx, id);
      if (!row) return { missing: 'Subscription' };
      const now = ctx.clock.now();
      if (row.endsAt) return { refused: 'The subscription has been cancelled before.' };
      await endSubscription(tx, row, at === 'NOW' ? now : periodEnd(row, now));
      return { id };
    });
  }
}

async function changed(
  ctx: Context,
  operation: string,
  key: string,
  input: object,
  work: (tx: Tx) => Promise<Outcome>,
): Promise<Answer> {
  const outcome = await once(ctx, { operation, key, input }, async (tx) => {
    const done = await work(tx);
    if ('id' in done) {
      const { actor, clock } = ctx;
      const target = { type: 'subscription', id: done.id };
      await audit(tx, {
        actor,
        action: `subscription.${operation}`,
        target,
        outcome: 'success',
        at: clock.now(),
      });
    }
    return done;
  });
  if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);
  const { value, replayed } = outcome;
  if ('missing' in value) return NotFoundRefusal.of(value.missing);
  if ('refused' in value) {
    const refusal = { code: 'SUBSCRIPTION_REFUSED', message: value.refused };
    return Object.assign(new SubscriptionRefused(), refusal);
  }
  const row = await ctx.db.tx((tx) => findSubscription(tx, value.id));
  if (!row) return NotFoundRefusal.of('Subscription');
  const subscription = BillingSubscription.of(row);
  return Object.assign(new SubscriptionSuccess(), { subscription, replayed });
}

async function versionOf(tx: Tx, planId: string): Promise<PlanVersionRow | null> {
  return isId('plan', planId) ? latestVersion(tx, planId) : null;
}

async function locked(tx: Tx, id: string): Promise<SubscriptionRow | null> {
  return isId('sub', id) ? lockSubscription(tx, id) : null;
}
