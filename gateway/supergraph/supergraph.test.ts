import { describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { callerWith, graphOf } from '../hardening/fixtures/graph.ts';
import type { Part } from '../hardening/fixtures/graph.ts';
import { hardening } from '../hardening/hardening.ts';
import { chooseOverrides, overrideLabels } from './override-labels.ts';
import { runnableSdl } from './supergraph-sdl.ts';

describe('the supergraph that is run', () => {
  const sdl = `schema @link(url: "https://specs.apollo.dev/policy/v0.1", for: SECURITY)
      @link(url: "https://specs.apollo.dev/join/v0.5", for: EXECUTION) { query: Q }
    type A @join__type(graph: X, key: "a", resolvable: false) @join__type(graph: Y, key: "b")
      @join__type(graph: X, key: "c") { a: ID }`;

  it('has the keys that can be resolved first, each subgraph in its own places', () => {
    const text = runnableSdl(sdl, parse(sdl));
    expect([...text.matchAll(/key: "(\w)"/g)].map(([, key]) => key)).toEqual(['c', 'b', 'a']);
  });

  it('does not say of features that they are for security, and keeps the rest', () => {
    const text = runnableSdl(sdl, parse(sdl));
    expect(text).not.toContain('SECURITY');
    expect(text).toContain('for: EXECUTION');
    expect(text).toContain('policy/v0.1');
  });

  it('is the text that was composed when there is nothing to change', () => {
    const plain = 'schema @link(url: "x", for: EXECUTION) { query: Q }  # as it is';
    expect(runnableSdl(plain, parse(plain))).toBe(plain);
  });
});

/** Two keys, of which one subgraph resolves the second only. */
const keys: Record<string, Part> = {
  a: {
    sdl: `type Query { thing: Thing }
      type Thing @key(fields: "id") @key(fields: "code") { id: ID! code: String! }`,
    resolvers: { Query: { thing: () => ({ id: 'i', code: 'c' }) } },
  },
  b: {
    sdl: `type Thing @key(fields: "id", resolvable: false) @key(fields: "code") {
        id: ID! @external code: String! name: String size: Int }`,
    resolvers: {
      Thing: {
        __resolveReference: ({ code }: { code?: string }) => (code === undefined ? null : { code }),
        name: ({ code }: { code: string }) => `name of ${code}`,
        size: () => 3,
      },
    },
  },
};

describe('wrong data of planners', () => {
  it('is not read by a key that nobody resolves', async () => {
    const { data, errors } = await graphOf(keys).ask('{ thing { name size } }');
    expect(errors).toBeUndefined();
    expect(data).toEqual({ thing: { name: 'name of c', size: 3 } });
  });

  it('is not to be had from contexts: a supergraph that passes values by them is refused', () => {
    const withContext = {
      a: {
        sdl: `type Query { me: User } type User @key(fields: "id") @context(name: "user") {
            id: ID! lang: String! home: Home! }
          type Home @key(fields: "id") {
            id: ID! greeting(l: String @fromContext(field: "$user { lang }")): String }`,
        resolvers: {},
      },
    };
    expect(() => graphOf(withContext)).toThrow('@fromContext');
  });
});

describe('progressive @override', () => {
  const moving = graphParts();
  const askAs = async (id: string, switchedOn: string[] = []) => {
    const graph = graphOf(moving, { overrideLabels: switchedOn });
    const identity = { ...callerWith(), actor: { type: 'user' as const, id } };
    const { data } = await graph.ask('{ me { half never named } }', { identity });
    return data?.['me'] as Record<string, string>;
  };

  it('sends a share of callers to the new subgraph, and each to one side only', async () => {
    const sides = new Map<string, number>();
    for (let n = 0; n < 40; n += 1) {
      const { half = '' } = await askAs(`user${n}`);
      expect((await askAs(`user${n}`))['half']).toBe(half);
      sides.set(half, (sides.get(half) ?? 0) + 1);
    }
    expect(sides.get('old')).toBeGreaterThan(8);
    expect(sides.get('new')).toBeGreaterThan(8);
  }, 60_000);

  it('switches other labels by configuration', async () => {
    expect(await askAs('alice')).toMatchObject({ never: 'old', named: 'old' });
    expect(await askAs('alice', ['named-label'])).toMatchObject({ never: 'old', named: 'new' });
  });

  it('moves callers one way only while the percentage grows', () => {
    const isOn = (percent: number, caller: string) => {
      const label = { label: `percent(${percent})`, percent };
      return chooseOverrides([label], caller, new Set()).conditions.get(label.label);
    };
    for (let n = 0; n < 200; n += 1) {
      const sides = [0, 1, 10, 50, 90, 99, 100].map((percent) => isOn(percent, `c${n}`));
      expect(sides[0]).toBe(false);
      expect(sides.at(-1)).toBe(true);
      expect(sides).toEqual([...sides].sort());
    }
  });

  it('keeps plans of different choices apart', () => {
    const { loaded } = graphOf(moving);
    const choice = (caller: string) => chooseOverrides(loaded.overrides, caller, new Set()).key;
    const choices = new Set(Array.from({ length: 40 }, (_, n) => choice(`user${n}`)));
    expect(choices.size).toBe(2);
    expect(overrideLabels(loaded.ast).map(({ label }) => label)).toEqual([
      'named-label',
      'percent(0)',
      'percent(50)',
    ]);
    const layer = hardening(loaded);
    const document = parse('{ me { half } }');
    const kept = new Map<string, Set<unknown>>();
    for (let n = 0; n < 20; n += 1) {
      const identity = { ...callerWith(), actor: { type: 'user' as const, id: `user${n}` } };
      const asked = { document, operationName: undefined, variables: undefined, identity };
      const hardened = layer.harden(asked);
      const documents = kept.get(hardened.overrides.key) ?? new Set();
      kept.set(hardened.overrides.key, documents.add(hardened.key).add(hardened.document));
    }
    expect([...kept.values()].map(({ size }) => size)).toEqual([2, 2]);
    const [one, other] = kept.values();
    expect([...(one ?? [])].some((part) => other?.has(part))).toBe(false);
  });
});

function graphParts(): Record<string, Part> {
  const fields = ['half', 'never', 'named'];
  const all = (value: string) => Object.fromEntries(fields.map((field) => [field, () => value]));
  return {
    old: {
      sdl: 'type Query { me: User } type User @key(fields: "id") { id: ID! half: String never: String named: String }',
      resolvers: { Query: { me: () => ({ id: 'u' }) }, User: all('old') },
    },
    fresh: {
      sdl: `type User @key(fields: "id") { id: ID!
        half: String @override(from: "old", label: "percent(50)")
        never: String @override(from: "old", label: "percent(0)")
        named: String @override(from: "old", label: "named-label") }`,
      resolvers: { User: { ...all('new'), __resolveReference: (one: object) => one } },
    },
  };
}
