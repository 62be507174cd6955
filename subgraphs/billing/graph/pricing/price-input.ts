import { Field, InputType, registerEnumType } from 'type-graphql';
import { badInput } from '../../../shared/errors.ts';
import type { Price, PriceKind } from '../../domain/pricing/price.ts';

const priceKinds = [
  'FLAT',
  'UNIT',
  'GRADUATED',
  'VOLUME',
  'PACKAGE',
  'PERCENTAGE',
  'COST_PLUS',
  'COMMITMENT',
] as const satisfies readonly PriceKind[];

const PriceKindEnum = Object.fromEntries(priceKinds.map((kind) => [kind, kind]));
registerEnumType(PriceKindEnum, {
  name: 'PriceKind',
  description:
    'GRADUATED: each part at the price of its tier. VOLUME: all at the price of the tier that the whole reaches. PACKAGE: by packages begun. PERCENTAGE and COST_PLUS: of an amount in minor units. COMMITMENT: an amount, or what was used if that is more.',
});

@InputType('PriceTierInput')
class PriceTierInput {
  @Field(() => String, { nullable: true, description: 'Left out for the last tier.' })
  upTo?: string | null;
  @Field(() => String) unitAmount!: string;
  @Field(() => String, { nullable: true, description: 'Once, when the tier is reached.' })
  flatAmount?: string | null;
}

@InputType('PriceInput', { description: 'Amounts are decimals of minor units, as texts.' })
export class PriceInput {
  @Field(() => PriceKindEnum) kind!: PriceKind;
  @Field(() => String, { nullable: true, description: 'FLAT, COMMITMENT.' }) amount?: string | null;
  @Field(() => String, { nullable: true, description: 'UNIT.' }) unitAmount?: string | null;
  @Field(() => [PriceTierInput], { nullable: true, description: 'GRADUATED, VOLUME.' })
  tiers?: PriceTierInput[] | null;
  @Field(() => String, { nullable: true, description: 'PACKAGE.' }) packageSize?: string | null;
  @Field(() => String, { nullable: true, description: 'PACKAGE.' }) packageAmount?: string | null;
  @Field(() => String, { nullable: true, description: 'PACKAGE.' }) freeUnits?: string | null;
  @Field(() => String, { nullable: true, description: 'PERCENTAGE.' }) percent?: string | null;
  @Field(() => String, { nullable: true, description: 'PERCENTAGE.' }) minimum?: string | null;
  @Field(() => String, { nullable: true, description: 'PERCENTAGE.' }) maximum?: string | null;
  @Field(() => String, { nullable: true, description: 'COST_PLUS.' }) markupPercent?: string | null;
  @Field(() => PriceInput, { nullable: true, description: 'COMMITMENT: what usage costs.' })
  price?: PriceInput | null;
}

/** Reads a price of a client; what its kind needs and is not there is said by its name. */
export function readPrice(input: PriceInput): Price {
  const { kind } = input;
  const needed = (
    field: 'amount' | 'unitAmount' | 'packageSize' | 'packageAmount' | 'percent' | 'markupPercent',
  ): string => {
    const value = input[field];
    if (value == null) throw badInput(`A price of ${kind} needs "${field}".`, field);
    return value;
  };
  switch (kind) {
    case 'FLAT':
      return { kind, amount: needed('amount') };
    case 'UNIT':
      return { kind, unitAmount: needed('unitAmount') };
    case 'GRADUATED':
    case 'VOLUME':
      return {
        kind,
        tiers: (input.tiers ?? []).map(({ upTo, unitAmount, flatAmount }) => ({
          ...{ upTo: upTo ?? null, unitAmount },
          ...(flatAmount != null && { flatAmount }),
        })),
      };
    case 'PACKAGE':
      return {
        ...{ kind, packageSize: needed('packageSize'), packageAmount: needed('packageAmount') },
        ...(input.freeUnits != null && { freeUnits: input.freeUnits }),
      };
    case 'PERCENTAGE':
      return {
        ...{ kind, percent: needed('percent') },
        ...(input.minimum != null && { minimum: input.minimum }),
        ...(input.maximum != null && { maximum: input.maximum }),
      };
    case 'COST_PLUS':
      return { kind, markupPercent: needed('markupPercent') };
    case 'COMMITMENT': {
      const price = input.price ? readPrice(input.price) : undefined;
      if (!price || price.kind === 'FLAT' || price.kind === 'COMMITMENT') {
        throw badInput('A price of COMMITMENT needs a "price" for what is used.', 'price');
      }
      return { kind, amount: needed('amount'), price };
    }
  }
}
