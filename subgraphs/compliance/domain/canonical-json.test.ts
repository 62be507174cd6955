import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Json } from './canonical-json.ts';
import { canonicalJson } from './canonical-json.ts';

/** The same data with the members of every object in another order. */
function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map((item: Json) => reversed(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member as Json)]),
  );
}

describe('canonical JSON', () => {
  it('is one text for equal data, in whatever order it was built', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const data = value as Json;
        expect(canonicalJson(reversed(data))).toBe(canonicalJson(data));
      }),
    );
  });

  it('says what the data says: parsing it gives the data back, and the same text again', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(JSON.parse(text) as Json)).toBe(text);
      }),
    );
  });

  it('orders names by their UTF-16 units and leaves out what is undefined (RFC 8785, 3.2.3)', () => {
    const names = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6 };
    const order = [2, 4, 6, 1, 5, 3];
    const values = Object.values(JSON.parse(canonicalJson(names)) as Record<string, number>);
    // A parsed object puts the name '1' first, as every JavaScript object does.
    expect(values).toEqual([4, ...order.filter((place) => place !== 4)]);
    expect(canonicalJson(names).startsWith('{"\\r":2,"1":4,')).toBe(true);
    expect(canonicalJson({ b: undefined, a: [1, null, 'x'] })).toBe('{"a":[1,null,"x"]}');
  });
});
