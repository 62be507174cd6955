import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cardNumberIn, withoutCardNumbers } from './card-number.ts';

/** A number of any length that passes the check: the last digit makes it so. */
const cards = fc
  .tuple(
    fc.integer({ min: 1, max: 9 }),
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 11, maxLength: 17 }),
  )
  .map(([first, rest]) => {
    const digits = [first, ...rest];
    const sum = [...digits].reverse().reduce((total, digit, place) => {
      const value = place % 2 === 0 ? digit * 2 : digit;
      return total + (value > 9 ? value - 9 : value);
    }, 0);
    return [...digits, (10 - (sum % 10)) % 10].join('');
  });

describe('the number of a card', () => {
  it('is found in any text, however it is grouped, at any depth', () => {
    fc.assert(
      fc.property(cards, fc.constantFrom('', ' ', '-'), (card, between) => {
        const grouped = card.match(/.{1,4}/g)?.join(between) ?? '';
        expect(cardNumberIn({ a: [{ note: `my card: ${grouped}.` }] })).toBe('a.0.note');
        expect(withoutCardNumbers(`x ${grouped} y`)).toBe('x [card number] y');
      }),
    );
  });

  it('is not what has the wrong check digit, is too short, or begins with 0', () => {
    expect(cardNumberIn('4242424242424241')).toBeUndefined();
    expect(cardNumberIn('424242424242')).toBeUndefined();
    expect(cardNumberIn('0'.repeat(26))).toBeUndefined();
    expect(
      cardNumberIn({ id: 'payment_01m88hs6arace3ksy4sdd8mqv9', amount: 2_500 }),
    ).toBeUndefined();
  });

  it('is found within a run of digits that is longer than any number', () => {
    expect(cardNumberIn(`99999424242424242424299999`)).toBe('');
  });
});
