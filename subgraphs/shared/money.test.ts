import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { add, compare, currencyExponent, formatMoney, money, subtract } from './money.ts';

const minor = fc.maxSafeInteger();
const half = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });

describe('money', () => {
  it.each([0.5, NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53)])('refuses %s minor units', (n) => {
    expect(() => money(n, 'USD')).toThrow('is not a whole number of minor units');
  });

  it.each(['', 'usd', 'US', 'USDX', 'U$D', 'USD '])('refuses the currency "%s"', (currency) => {
    expect(() => money(1, currency)).toThrow('is not an ISO 4217 code');
  });

  it('refuses a sum that is more than is exact', () => {
    const most = money(Number.MAX_SAFE_INTEGER, 'USD');
    expect(() => add(most, money(1, 'USD'))).toThrow('is not a whole number');
    expect(() => subtract(money(0, 'USD'), most)).not.toThrow();
    expect(() => subtract(money(-1, 'USD'), most)).toThrow('is not a whole number');
  });

  it.each([
    ['add', add],
    ['subtract', subtract],
    ['compare', compare],
  ])('refuses to %s amounts of two currencies', (_name, work) => {
    expect(() => work(money(1, 'USD'), money(1, 'EUR'))).toThrow('USD and EUR do not add up');
  });

  it('takes away what was added, to the minor unit', () => {
    fc.assert(
      fc.property(half, half, (a, b) => {
        const sum = add(money(a, 'EUR'), money(b, 'EUR'));
        expect(subtract(sum, money(b, 'EUR')).amountMinor).toBe(a);
        expect(sum).toEqual(add(money(b, 'EUR'), money(a, 'EUR')));
      }),
    );
  });

  it('sorts amounts by their value', () => {
    fc.assert(
      fc.property(minor, minor, (a, b) => {
        expect(Math.sign(compare(money(a, 'USD'), money(b, 'USD')))).toBe(a < b ? -1 : +(a > b));
      }),
    );
  });
});

describe('currencyExponent', () => {
  it.each([
    ['JPY', 0],
    ['KRW', 0],
    ['USD', 2],
    ['EUR', 2],
    ['BHD', 3],
    ['KWD', 3],
    ['CLF', 4],
  ])('of %s is %d', (currency, exponent) => {
    expect(currencyExponent(currency)).toBe(exponent);
  });
});

describe('formatMoney', () => {
  it.each([
    [1234, 'USD', undefined, '$12.34'],
    [5, 'USD', undefined, '$0.05'],
    [0, 'USD', undefined, '$0.00'],
    [-5, 'USD', undefined, '-$0.05'],
    [-123_456, 'USD', undefined, '-$1,234.56'],
    [1234, 'JPY', undefined, '¥1,234'],
    [-1, 'JPY', 'ja-JP', '-￥1'],
    [1234, 'BHD', undefined, 'BHD 1.234'],
    [1, 'KWD', undefined, 'KWD 0.001'],
    [123_456, 'EUR', 'de-DE', '1.234,56 €'],
  ])('writes %d minor units of %s for %s as %s', (amountMinor, currency, locale, text) => {
    const written = formatMoney(money(amountMinor, currency), locale);
    expect(written.replaceAll(/\s/g, ' ')).toBe(text);
  });

  it('writes the greatest amount without rounding it', () => {
    expect(formatMoney(money(Number.MAX_SAFE_INTEGER, 'USD'))).toBe('$90,071,992,547,409.91');
    expect(formatMoney(money(-Number.MAX_SAFE_INTEGER, 'BHD')).replaceAll(/\s/g, ' ')).toBe(
      '-BHD 9,007,199,254,740.991',
    );
  });

  it.each(['xx', 'xx-YY', 'not a locale', '', '_'])(
    'reads the locale "%s" as English',
    (locale) => {
      expect(formatMoney(money(123_456, 'USD'), locale)).toBe('$1,234.56');
    },
  );

  it('reads an unknown locale as English on a machine that speaks another language', async () => {
    const file = join(import.meta.dirname, 'money.ts');
    const program = `import(${JSON.stringify(file)}).then(({ formatMoney }) =>
      console.log(formatMoney({ amountMinor: 123456, currency: 'USD' }, 'xx')))`;
    const env = { LC_ALL: 'de_DE.UTF-8' };
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { env });
    expect(stdout.trim()).toBe('$1,234.56');
  });

  it('writes every digit of an amount, in any exponent', () => {
    fc.assert(
      fc.property(minor, fc.constantFrom('JPY', 'USD', 'BHD', 'CLF'), (amountMinor, currency) => {
        const digits = formatMoney(money(amountMinor, currency)).replaceAll(/\D/g, '');
        expect(BigInt(digits)).toBe(BigInt(Math.abs(amountMinor)));
        expect(digits.length).toBeGreaterThan(currencyExponent(currency));
      }),
    );
  });
});
