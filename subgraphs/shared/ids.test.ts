import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isId, newId } from './ids.ts';
import type { IdKind } from './ids.ts';

const kinds: readonly IdKind[] = [
  'account',
  'approval',
  'artifact',
  'attempt',
  'aud',
  'dispute',
  'inv',
  'job',
  'ltx',
  'meter',
  'msg',
  'op',
  'payment',
  'plan',
  'refund',
  'report',
  'run',
  'sub',
];

describe('newId', () => {
  it('makes a hundred thousand ids of which no two are the same, in the order they were made', () => {
    const ids = Array.from({ length: 100_000 }, () => newId('job'));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.toSorted().every((id, n) => id === ids[n])).toBe(true);
  });

  it('sorts by the millisecond in which it was made', () => {
    const base = Date.now() + 1_000;
    const steps = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 2, maxLength: 20 });
    let now = base;
    fc.assert(
      fc.property(steps, (waits) => {
        const ids = waits.map((wait) => newId('run', (now += wait)));
        expect(ids).toEqual(ids.toSorted());
      }),
    );
  });

  it('never goes back when the clock does', () => {
    const before = newId('job', Date.now() + 86_400_000_000);
    expect(newId('job', 0) > before).toBe(true);
    expect(newId('job') > before).toBe(true);
  });

  it('tells the time it was made at in its first ten characters', () => {
    const now = Date.now() + 200_000_000_000;
    const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
    const [, ulid = ''] = newId('msg', now).split('_');
    const time = Array.from(ulid.slice(0, 10), (character) => alphabet.indexOf(character)).reduce(
      (sum, digit) => sum * 32 + digit,
      0,
    );
    expect(time).toBe(now);
  });
});

describe('isId', () => {
  it('knows every id of its kind, and takes it for no other kind', () => {
    for (const kind of kinds) {
      const id = newId(kind);
      expect(kinds.filter((other) => isId(other, id))).toEqual([kind]);
    }
  });

  it.each([
    '',
    'job_',
    'job',
    newId('job').toUpperCase(),
    `${newId('job')} `,
    `${newId('job')}\n`,
    ` ${newId('job')}`,
    newId('job').slice(0, -1),
    `${newId('job')}0`,
    newId('job').replace('job_', 'job-'),
    `job_8${'0'.repeat(25)}`,
    `job_0${'0'.repeat(24)}u`,
    `job_0${'0'.repeat(24)}i`,
    "job_' or 1=1 --",
  ])('refuses %j', (text) => {
    expect(isId('job', text)).toBe(false);
  });

  it('refuses any other text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => !isId('job', text) && !isId('job', `job_${text}`)),
    );
  });

  it('accepts exactly the 32 characters of the alphabet in each place', () => {
    const accepted = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter(
      (character) => isId('aud', `aud_0${'0'.repeat(24)}${character}`),
    );
    expect(accepted.join('')).toBe('0123456789abcdefghjkmnpqrstvwxyz');
  });
});
