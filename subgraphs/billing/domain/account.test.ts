import { describe, expect, it } from '@jest/globals';
import { accountName, openingCredit } from './account.ts';

describe('a new account', () => {
  it('starts with credit to try the product, and demo tenants with more', () => {
    expect(openingCredit('newcomer')).toEqual({ amountMinor: 10_000, currency: 'USD' });
    expect(openingCredit('acme').amountMinor).toBe(1_000_000);
    expect(openingCredit('globex')).toEqual(openingCredit('acme'));
  });

  it('has a name to show before anybody gave it one', () => {
    expect(accountName('acme')).toBe('Acme');
  });
});
