import {
  Arg,
  Args,
  Authorized,
  createUnionType,
  Ctx,
  Field,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Query,
  registerEnumType,
  Resolver,
} from 'type-graphql';
import { audit } from '../../../shared/audit.ts';
import type { Context } from '../../../shared/context.ts';
import { badInput } from '../../../shared/errors.ts';
import {
  DateTime,
  IdempotencyKeyReused,
  JSONValue,
  ListSize,
  Node,
  Refusal,
} from '../../../shared/graph.ts';
import { once } from '../../../shared/idempotency.ts';
import { isId } from '../../../shared/ids.ts';
import type { ConnectionValue } from '../../../shared/pagination.ts';
import { Connection, ConnectionArgs, paginate } from '../../../shared/pagination.ts';
import type { BillingInterval } from '../../domain/pricing/billing-period.ts';
import { billingIntervals } from '../../domain/pricing/billing-period.ts';
import type { Charge, PlanProblem, PlanTerms } from '../../domain/pricing/plan.ts';
import { planProblems } from '../../domain/pricing/plan.ts';
import { findMeter } from '../../store/metering/meters.ts';
import {
  findPlan,
  insertPlanVersion,
  latestVersion,
  listPlans,
} from '../../store/pricing/plans.ts';
import type { PlanRow, PlanVersionRow } from '../../store/pricing/rows.ts';
import { PriceInput, readPrice } from './price-input.ts';

const BillingIntervalEnum = Object.fromEntries(billingIntervals.map((name) => [name, name]));
registerEnumType(BillingIntervalEnum, { name: 'BillingInterval' });

@ObjectType('PlanCharge', { description: 'One thing that a plan charges for.' })
class PlanCharge {
  @Field(() => String) key!: string;
  @Field(() => String) label!: string;
  @Field(() => ID, { nullable: true }) meterId!: string | null;
  @Field(() => JSONValue, { description: 'As it was given: a kind, and decimals of minor units.' })
  price!: object;
}

@ObjectType('PlanVersion', { description: 'What a plan says. It is never changed.' })
export class PlanVersion {
  @Field(() => Int) version!: number;
  @Field(() => String) currency!: string;
  @Field(() => BillingIntervalEnum) interval!: BillingInterval;
  @Field(() => Int) intervalCount!: number;
  @ListSize(10)
  @Field(() => [PlanCharge])
  charges!: PlanCharge[];
  @Field(() => DateTime) createdAt!: Date;
}

@ObjectType('Plan', { implements: Node, description: 'What customers subscribe to.' })
export class Plan extends Node {
  @Field(() => String) slug!: string;
  @Field(() => String) name!: string;
  @Field(() => PlanVersion, { description: 'What new subscriptions get.' }) latest!: PlanVersion;

  static of({ id, slug, name }: PlanRow, version: PlanVersionRow): Plan {
    const latest = Object.assign(new PlanVersion(), version);
    return Object.assign(new Plan(), { id, slug, name, latest });
  }
}

@InputType('PlanChargeInput')
class PlanChargeInput {
  @Field(() => String) key!: string;
  @Field(() => String) label!: string;
  @Field(() => ID, { nullable: true, description: 'Left out where the price is FLAT.' })
  meterId?: string | null;
  @Field(() => PriceInput) price!: PriceInput;
}

@InputType('CreatePlanVersionInput')
export class CreatePlanVersionInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => String, { description: 'Lower-case words joined by hyphens.' }) slug!: string;
  @Field(() => String) name!: string;
  @Field(() => String) currency!: string;
  @Field(() => BillingIntervalEnum) interval!: BillingInterval;
  @Field(() => Int, { defaultValue: 1 }) intervalCount = 1;
  @Field(() => [PlanChargeInput]) charges!: PlanChargeInput[];
}

@ObjectType('PlanProblem')
class PlanProblemType {
  @Field(() => String) field!: string;
  @Field(() => String) message!: string;
}

@ObjectType('PlanInvalid', { implements: Refusal, description: 'No such plan can be made.' })
export class PlanInvalid extends Refusal {
  @ListSize(5)
  @Field(() => [PlanProblemType])
  problems!: PlanProblemType[];

  static of(problems: readonly PlanProblem[]): PlanInvalid {
    const message = problems.map((one) => `"${one.field}" ${one.message}`).join('; ');
    return Object.assign(new PlanInvalid(), { code: 'PLAN_INVALID', message, problems });
  }
}

@ObjectType('CreatePlanVersionSuccess')
export class CreatePlanVersionSuccess {
  @Field(() => Plan) plan!: Plan;
  @Field(() => Boolean) replayed!: boolean;
}

export const CreatePlanVersionResult = createUnionType({
  name: 'CreatePlanVersionResult',
  types: () => [CreatePlanVersionSuccess, PlanInvalid, IdempotencyKeyReused] as const,
});

export const { Connection: PlanConnection } = Connection(Plan);

@Resolver()
export class PlanResolver {
  @Authorized('billing:read')
  @Query(() => PlanConnection, { description: 'The plans of the tenant, newest first.' })
  plans(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
  ): Promise<ConnectionValue<Plan>> {
    return paginate(
      ctx,
      'plans',
      args,
      ({ limit, after }) =>
        ctx.db.tx(async (tx) => {
          const rows = await listPlans(tx, { limit, beforeId: after?.[0]?.toString() });
          const shown: Plan[] = [];
          for (const row of rows) {
            const version = await latestVersion(tx, row.id);
            if (version) shown.push(Plan.of(row, version));
          }
          return shown;
        }),
      ({ id }) => [id],
      (plan) => plan,
    );
  }

  @Authorized('billing:write')
  @Mutation(() => CreatePlanVersionResult, {
    description:
      'Adds a version of a plan, and the plan with its first. Subscriptions stay on the version they have.',
  })
  async createPlanVersion(
    @Arg('input', () => CreatePlanVersionInput) input: CreatePlanVersionInput,
    @Ctx() ctx: Context,
  ): Promise<CreatePlanVersionSuccess | PlanInvalid | IdempotencyKeyReused> {
    const { slug, name, idempotencyKey: key } = input;
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(slug)) throw badInput('"slug" must be lower-case.', 'slug');
    if (name === '' || name.length > 200 || name.includes('\u0000')) {
      throw badInput('"name" must have 1 to 200 characters.', 'name');
    }
    const terms = termsOf(input);
    const problems = planProblems(terms);
    if (problems.length > 0) return PlanInvalid.of(problems);
    const call = { operation: 'createPlanVersion', key, input: { slug, name, terms } };
    const outcome = await once(ctx, call, async (tx) => {
      for (const [index, { meterId }] of terms.charges.entries()) {
        const known =
          meterId === null || (isId('meter', meterId) && (await findMeter(tx, meterId)));
        if (!known) return { unknown: index } as const;
      }
      const at = ctx.clock.now();
      const { planId, version } = await insertPlanVersion(tx, { slug, name, at }, terms);
      const target = { type: 'plan', id: planId };
      const { actor } = ctx;
      const facts = { slug, version };
      await audit(tx, { actor, action: 'plan.versioned', target, outcome: 'success', facts, at });
      return { planId } as const;
    });
    if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);
    const { value, replayed } = outcome;
    if ('unknown' in value) {
      const field = `charges.${String(value.unknown)}`;
      return PlanInvalid.of([{ field, message: 'has a meter that does not exist' }]);
    }
    const plan = await ctx.db.tx(async (tx) => {
      const [row, version] = [
        await findPlan(tx, value.planId),
        await latestVersion(tx, value.planId),
      ];
      return row && version && Plan.of(row, version);
    });
    return Object.assign(new CreatePlanVersionSuccess(), { plan, replayed });
  }
}

function termsOf({
  currency,
  interval,
  intervalCount,
  charges,
}: CreatePlanVersionInput): PlanTerms {
  return {
    ...{ currency, interval, intervalCount },
    charges: charges.map(({ key, label, meterId, price }): Charge => ({
      ...{ key, label, meterId: meterId ?? null, price: readPrice(price) },
    })),
  };
}
