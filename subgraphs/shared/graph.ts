import 'reflect-metadata';
import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped } from 'graphql';
import { Arg, Directive, Field, ID, Int, InterfaceType, ObjectType } from 'type-graphql';
import type { MoneyAmount } from './money.ts';
import { currencyExponent, formatMoney } from './money.ts';

/** A moment in UTC, as RFC 3339 writes it. */
export const DateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  description: 'A moment in UTC (RFC 3339), as in 2026-05-05T10:00:00.000Z.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
  serialize: (value) => {
    const date = value instanceof Date ? value : readDate(value);
    if (date && !Number.isNaN(date.getTime())) return date.toISOString();
    throw new GraphQLError(`DateTime cannot represent ${String(value)}.`);
  },
  parseValue: dateOf,
  parseLiteral: (ast) => dateOf(ast.kind === Kind.STRING ? ast.value : undefined),
});

const dateTimePattern = /^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

function readDate(value: unknown): Date | undefined {
  if (typeof value !== 'string' || !dateTimePattern.test(value)) return undefined;
  const date = new Date(value);
  // The constructor takes the 30th of February for the 2nd of March.
  const day = new Date(`${value.slice(0, 10)}T00:00:00Z`);
  const real = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(value.slice(0, 10));
  return real && !Number.isNaN(date.getTime()) ? date : undefined;
}

function dateOf(value: unknown): Date {
  const date = readDate(value);
  if (date) return date;
  throw inputError('DateTime must be a moment as RFC 3339 writes it: 2026-05-05T10:00:00Z.');
}

const cursorLengthMax = 1_000;

export const Cursor = new GraphQLScalarType<string, string>({
  name: 'Cursor',
  description: 'A place in a list or stream. Opaque: give it back as it is.',
  serialize: String,
  parseValue: cursorText,
  parseLiteral: (ast) => cursorText(ast.kind === Kind.STRING ? ast.value : undefined),
});

function cursorText(value: unknown): string {
  if (typeof value === 'string' && value.length <= cursorLengthMax) return value;
  throw inputError(`Cursor must be a text of at most ${String(cursorLengthMax)} characters.`);
}

export const MinorUnits = new GraphQLScalarType<number, string>({
  name: 'MinorUnits',
  description: 'A whole number of minor units as a text, so that no client rounds it.',
  serialize: String,
  parseValue: minorUnitsOf,
  parseLiteral: (ast) =>
    minorUnitsOf(ast.kind === Kind.STRING || ast.kind === Kind.INT ? ast.value : undefined),
});

function minorUnitsOf(value: unknown): number {
  const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : NaN;
  if (Number.isSafeInteger(number)) return number;
  throw inputError('MinorUnits must be a whole number as a text.');
}

export const JSONValue = new GraphQLScalarType({
  name: 'JSON',
  description: 'Any JSON value.',
  specifiedByURL: 'https://datatracker.ietf.org/doc/html/rfc8259',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (ast, variables) => valueFromASTUntyped(ast, variables),
});

function inputError(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}

/** How many items a list has, about: what an operation is thought to cost hangs on it. */
export function ListSize(assumedSize: number): MethodDecorator & PropertyDecorator {
  return Directive(`@listSize(assumedSize: ${String(assumedSize)})`);
}

/** What a field costs beside its size, where that is not what a field costs otherwise. */
export function Cost(weight: number): MethodDecorator & PropertyDecorator {
  return Directive(`@cost(weight: ${String(weight)})`);
}

@InterfaceType({
  autoRegisterImplementations: false,
  description: 'A thing that is found again by its id.',
})
export abstract class Node {
  @Field(() => ID)
  id!: string;
}

@Directive('@shareable')
@ObjectType({ description: 'An amount of money.' })
export class Money {
  @Field(() => MinorUnits, { description: '1234 of USD is 12.34 dollars.' })
  amountMinor!: number;

  @Field(() => String, { description: 'ISO 4217.' })
  currency!: string;

  @Field(() => Int, { description: 'Decimal places of the major unit: 2 for USD, 0 for JPY.' })
  exponent!: number;

  @Field(() => String, { description: 'As people of a locale (BCP 47) write it.' })
  formatted(@Arg('locale', () => String, { nullable: true }) locale?: string): string {
    return formatMoney(this, locale ?? undefined);
  }

  static of({ amountMinor, currency }: MoneyAmount): Money {
    const exponent = currencyExponent(currency);
    return Object.assign(new Money(), { amountMinor, currency, exponent });
  }
}

@InterfaceType({
  autoRegisterImplementations: false,
  description: 'An expected no: what was asked for was understood and not done.',
})
export abstract class Refusal {
  @Field(() => String, { description: 'For programs.' })
  code!: string;

  @Field(() => String, { description: 'For people.' })
  message!: string;
}

@Directive('@shareable')
@ObjectType({
  implements: Refusal,
  description: 'The idempotency key was used before, with another input. Nothing was done.',
})
export class IdempotencyKeyReused extends Refusal {
  static of(key: string): IdempotencyKeyReused {
    return Object.assign(new IdempotencyKeyReused(), {
      code: 'IDEMPOTENCY_KEY_REUSED',
      message: `The idempotency key "${key}" was used before with another input. Take a new key.`,
    });
  }
}

@Directive('@shareable')
@ObjectType('NotFound', {
  implements: Refusal,
  description: 'There is no such thing, or none that you may know of.',
})
export class NotFoundRefusal extends Refusal {
  static of(what: string): NotFoundRefusal {
    return Object.assign(new NotFoundRefusal(), {
      code: 'NOT_FOUND',
      message: `${what} not found.`,
    });
  }
}
