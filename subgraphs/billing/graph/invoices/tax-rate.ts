import {
  Arg,
  Authorized,
  createUnionType,
  Ctx,
  Field,
  InputType,
  Mutation,
  ObjectType,
  Resolver,
} from 'type-graphql';
import { audit } from '../../../shared/audit.ts';
import type { Context } from '../../../shared/context.ts';
import { badInput } from '../../../shared/errors.ts';
import { IdempotencyKeyReused } from '../../../shared/graph.ts';
import { once } from '../../../shared/idempotency.ts';
import { taxRateProblem } from '../../domain/invoices/tax.ts';
import { TaxRateRow } from '../../store/invoices/rows.ts';

@InputType('SetTaxRateInput')
export class SetTaxRateInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => String, { description: 'ISO 3166-1 alpha-2.' }) country!: string;
  @Field(() => String) name!: string;
  @Field(() => String, { description: 'A decimal; 0 ends the tax.' }) percent!: string;
}

@ObjectType('SetTaxRateSuccess')
export class SetTaxRateSuccess {
  @Field(() => String) country!: string;
  @Field(() => String) name!: string;
  @Field(() => String) percent!: string;
  @Field(() => Boolean) replayed!: boolean;
}

export const SetTaxRateResult = createUnionType({
  name: 'SetTaxRateResult',
  types: () => [SetTaxRateSuccess, IdempotencyKeyReused] as const,
});

@Resolver()
export class TaxRateResolver {
  @Authorized('billing:write')
  @Mutation(() => SetTaxRateResult, {
    description:
      'Taxes customers of a country, on top of prices, on invoices that are final later.',
  })
  async setTaxRate(
    @Arg('input', () => SetTaxRateInput) input: SetTaxRateInput,
    @Ctx() ctx: Context,
  ): Promise<SetTaxRateSuccess | IdempotencyKeyReused> {
    const { idempotencyKey: key, country, name, percent } = input;
    const rate = { country, name, percent };
    const problem = taxRateProblem(rate);
    if (problem !== undefined) throw badInput(problem);
    const outcome = await once(ctx, { operation: 'setTaxRate', key, input: rate }, async (tx) => {
      await tx.upsert(TaxRateRow, { tenantId: tx.tenant, ...rate }, [
        'tenantId',
        'country',
        'name',
      ]);
      const target = { type: 'tax-rate', id: country };
      const at = ctx.clock.now();
      const { actor } = ctx;
      await audit(tx, {
        actor,
        action: 'tax-rate.set',
        target,
        outcome: 'success',
        facts: rate,
        at,
      });
      return rate;
    });
    if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);
    return Object.assign(new SetTaxRateSuccess(), { ...outcome.value, replayed: outcome.replayed });
  }
}
