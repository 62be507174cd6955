import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stableJson } from './json.ts';

describe('stableJson', () => {
  it('writes members in the order of their names, at every depth', () => {
    expect(stableJson({ b: [{ d: 1, c: 2 }], a: { f: null, e: 'x' } })).toBe(
      '{"a":{"e":"x","f":null},"b":[{"c":2,"d":1}]}',
    );
  });

  it('leaves out what is undefined, as if it had not been given', () => {
    expect(stableJson({ a: undefined, b: { c: undefined } })).toBe(stableJson({ b: {} }));
  });

  it('keeps the order of lists, which is part of their value', () => {
    expect(stableJson([2, 1])).not.toBe(stableJson([1, 2]));
  });

  it('writes a date as its moment, and an instance as its members', () => {
    class Point {
      y = 2;
      x = 1;
    }
    expect(stableJson({ at: new Date(0), point: new Point() })).toBe(
      '{"at":"1970-01-01T00:00:00.000Z","point":{"x":1,"y":2}}',
    );
  });

  it('writes no member of a prototype', () => {
    expect(stableJson(JSON.parse('{"__proto__":{"a":1},"b":2}'))).toBe(
      '{"__proto__":{"a":1},"b":2}',
    );
  });

  it('gives one text for one value, whatever the order of its members', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer(), (value, seed) => {
        expect(stableJson(reordered(value, seed))).toBe(stableJson(value));
      }),
    );
  });

  it('gives the value back: values that differ have texts that differ', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(stableJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

/** The same value with its members in another order. */
function reordered(value: unknown, seed: number): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => reordered(item, seed));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, reordered(member, seed)]);
  const turned = members.length === 0 ? 0 : Math.abs(seed) % members.length;
  return Object.fromEntries(
    [...members.slice(turned), ...members.slice(0, turned)].reverse(),
  ) as unknown;
}
