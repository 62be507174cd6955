import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GraphQLError, parseValue as valueOf } from 'graphql';
import type { GraphQLScalarType } from 'graphql';
import {
  Cursor,
  DateTime,
  IdempotencyKeyReused,
  JSONValue,
  MinorUnits,
  Money,
  NotFoundRefusal,
} from './graph.ts';

/** What a client gets for a value, given as a variable and given in the text of the operation. */
const given = (scalar: GraphQLScalarType, value: unknown) => [
  read(() => scalar.parseValue(value)),
  read(() => scalar.parseLiteral(valueOf(JSON.stringify(value)))),
];

function read(parse: () => unknown): unknown {
  try {
    return parse();
  } catch (error) {
    return error instanceof GraphQLError ? error.extensions['code'] : error;
  }
}

describe('DateTime', () => {
  it.each([
    ['2026-05-05T10:00:00Z', '2026-05-05T10:00:00.000Z'],
    ['2026-05-05T10:00:00.123456789Z', '2026-05-05T10:00:00.123Z'],
    ['2026-05-05T10:00:00+05:30', '2026-05-05T04:30:00.000Z'],
    ['2024-02-29T23:59:59-12:00', '2024-03-01T11:59:59.000Z'],
  ])('reads %s as the moment %s', (text, moment) => {
    const date = new Date(moment);
    expect(given(DateTime, text)).toEqual([date, date]);
  });

  it.each([
    '2026-05-05',
    '2026-05-05T10:00:00',
    '2026-05-05 10:00:00Z',
    '2026-02-30T10:00:00Z',
    '2025-02-29T10:00:00Z',
    '2026-13-01T10:00:00Z',
    '2026-00-01T10:00:00Z',
    '2026-05-05T24:00:00Z',
    '2026-05-05T10:60:00Z',
    '2026-05-05T10:00:61Z',
    '2026-05-05T10:00:00+99:00',
    '20260505T100000Z',
    'yesterday',
    '',
    1_777_975_200_000,
    null,
    true,
    ['2026-05-05T10:00:00Z'],
  ])('refuses %j as BAD_USER_INPUT', (value) => {
    expect(given(DateTime, value)).toEqual(['BAD_USER_INPUT', 'BAD_USER_INPUT']);
  });

  it('gives back every moment as it was written', () => {
    const dates = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(dates, (date) => {
        const text = DateTime.serialize(date);
        expect(DateTime.parseValue(text)).toEqual(date);
        expect(DateTime.serialize(text)).toBe(text);
      }),
    );
  });

  it.each([new Date(NaN), 'no date', 12, null])('does not show %s as a moment', (value) => {
    expect(() => DateTime.serialize(value)).toThrow('DateTime');
  });
});

describe('Cursor', () => {
  it('takes a text as it is, up to 1,000 characters', () => {
    const longest = 'x'.repeat(1_000);
    expect(given(Cursor, longest)).toEqual([longest, longest]);
    expect(Cursor.serialize('abc')).toBe('abc');
  });

  it.each([`x${'x'.repeat(1_000)}`, 1, null, ['x']])(
    'refuses anything else as BAD_USER_INPUT',
    (value) => {
      expect(given(Cursor, value)).toEqual(['BAD_USER_INPUT', 'BAD_USER_INPUT']);
    },
  );
});

describe('MinorUnits', () => {
  it('gives every exact amount back as the text that was sent', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (amount) => {
        const text = MinorUnits.serialize(amount);
        expect(typeof text).toBe('string');
        expect(given(MinorUnits, text)).toEqual([amount, amount]);
      }),
    );
  });

  it('takes a whole number that stands in the text of an operation', () => {
    expect(MinorUnits.parseLiteral(valueOf('1234'))).toBe(1234);
  });

  it.each(['9007199254740992', '-9007199254740992', '1.5', '1e3', ' 1', '', '0x10', 'NaN', null])(
    'refuses %j as BAD_USER_INPUT',
    (value) => {
      expect(given(MinorUnits, value)).toEqual(['BAD_USER_INPUT', 'BAD_USER_INPUT']);
    },
  );

  it('refuses a number as a variable, since a client may have rounded it', () => {
    expect(read(() => MinorUnits.parseValue(1234))).toBe('BAD_USER_INPUT');
  });
});

describe('JSON', () => {
  it('gives any value back, as a variable and in the text of an operation', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSONValue.parseValue(JSONValue.serialize(value))).toEqual(value);
      }),
    );
    const literal = valueOf('{ a: [1, "x", null, true], b: { c: 1.5 } }');
    expect(JSON.parse(JSON.stringify(JSONValue.parseLiteral(literal)))).toEqual({
      a: [1, 'x', null, true],
      b: { c: 1.5 },
    });
  });
});

describe('Money', () => {
  it('shows an amount with the exponent of its currency', () => {
    expect(Money.of({ amountMinor: 1234, currency: 'JPY' })).toMatchObject({
      amountMinor: 1234,
      currency: 'JPY',
      exponent: 0,
    });
  });

  it('is written for English readers unless a locale is named', () => {
    const amount = Money.of({ amountMinor: 123_456, currency: 'USD' });
    expect(amount.formatted()).toBe('$1,234.56');
    expect(amount.formatted(null as never)).toBe('$1,234.56');
    expect(amount.formatted('de-DE').replaceAll(/\s/g, ' ')).toBe('1.234,56 $');
  });
});

describe('refusals', () => {
  it('say for programs and for people what was refused', () => {
    expect(IdempotencyKeyReused.of('k-1')).toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
      message: expect.stringContaining('"k-1"'),
    });
    expect(NotFoundRefusal.of('Job')).toMatchObject({
      code: 'NOT_FOUND',
      message: 'Job not found.',
    });
  });
});
