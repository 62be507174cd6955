import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Part } from './fixtures/graph.ts';
import { graphOf } from './fixtures/graph.ts';

/** What the shop does while it is read. */
const state = { items: ['a', 'b', 'c'], taxesReversed: false, taxesMissing: '', down: false };
beforeEach(() => {
  Object.assign(state, {
    items: ['a', 'b', 'c'],
    taxesReversed: false,
    taxesMissing: '',
    down: false,
  });
});

let calls = 0;
const itemsOf = () => {
  calls += 1;
  const order = state.taxesReversed && calls % 2 === 0 ? [...state.items].reverse() : state.items;
  return order
    .filter((id) => calls % 2 === 1 || id !== state.taxesMissing)
    .map((id) => ({ __typename: 'Item', id }));
};
const shop: Part = {
  sdl: `
    type Query { items: [Item!]! best: Item box: Box pairs: [[Item]] things: [Thing] }
    type Mutation { buy: Item }
    union Thing = Item | Loose
    type Item @key(fields: "id") { id: ID! name: String next: Item box: Box }
    type Box { items: [Item!]! loose: [Loose] label: String }
    type Loose { item: Item }
  `,
  resolvers: {
    Query: {
      items: itemsOf,
      best: () => ({ id: 'best' }),
      box: () => ({
        label: 'box',
        items: [{ id: 'x' }, { id: 'y' }],
        loose: [{ item: { id: 'l' } }],
      }),
      pairs: () => [[{ id: 'p' }]],
      things: () => [{ __typename: 'Item', id: 't' }, null],
    },
    Mutation: { buy: () => ({ id: 'bought' }) },
    Item: {
      __resolveReference: (one: object) => one,
      name: ({ id }: { id: string }) => `name of ${id}`,
      next: ({ id }: { id: string }) => ({ id: `${id}+` }),
      box: () => ({ label: 'inner', items: [{ id: 'in' }] }),
    },
  },
};
const prices: Part = {
  sdl: `type Item @key(fields: "id") { id: ID! price(currency: String): Int }`,
  resolvers: {
    Item: {
      __resolveReference: (one: object) => one,
      price: ({ id }: { id: string }, { currency }: { currency: string }) =>
        (currency === 'USD' ? 22 : 11) * 100 + id.length,
    },
  },
};
const taxes: Part = {
  sdl: `type Item @key(fields: "id") {
    id: ID! price(currency: String): Int @external
    inDollars: String @requires(fields: "price(currency: \\"USD\\")")
    inEuros: String @requires(fields: "price(currency: \\"EUR\\")")
    mustEuros: String! @requires(fields: "price(currency: \\"EUR\\")")
  }`,
  resolvers: {
    Item: {
      __resolveReference: (one: object) => one,
      inDollars: ({ id, price }: { id: string; price: number }) => `${id} $${String(price)}`,
      inEuros: ({ id, price }: { id: string; price: number }) => {
        if (state.down) throw new Error('no euros');
        return `${id} €${String(price)}`;
      },
      mustEuros: ({ id, price }: { id: string; price: number }) => `${id} €${String(price)}`,
    },
  },
};
const graph = graphOf({ shop, prices, taxes });
const ask = (query: string) => {
  calls = 0;
  return graph.ask(query);
};

describe('fields that require one field with different arguments', () => {
  const cases: readonly (readonly [query: string, data: unknown])[] = [
    [
      '{ best { inDollars inEuros id } }',
      { best: { inDollars: 'best $2204', inEuros: 'best €1104', id: 'best' } },
    ],
    [
      '{ best { a: inEuros b: inDollars c: inEuros price(currency: "EUR") } }',
      { best: { a: 'best €1104', b: 'best $2204', c: 'best €1104', price: 1104 } },
    ],
    [
      '{ items { id: inEuros name: inDollars } }',
      {
        items: ['a', 'b', 'c'].map((id) => ({ id: `${id} €1101`, name: `${id} $2201` })),
      },
    ],
    [
      '{ best { ...D next { ...E ...D } ...E } } fragment D on Item { inDollars } fragment E on Item { inEuros }',
      {
        best: {
          inDollars: 'best $2204',
          next: { inEuros: 'best+ €1105', inDollars: 'best+ $2205' },
          inEuros: 'best €1104',
        },
      },
    ],
    [
      '{ box { label items { inDollars inEuros } } }',
      {
        box: {
          label: 'box',
          items: [
            { inDollars: 'x $2201', inEuros: 'x €1101' },
            { inDollars: 'y $2201', inEuros: 'y €1101' },
          ],
        },
      },
    ],
    [
      '{ best { inDollars @include(if: true) inEuros @skip(if: true) mustEuros } }',
      { best: { inDollars: 'best $2204', mustEuros: 'best €1104' } },
    ],
  ];
  it.each(cases)('are each computed from the value they require: %s', async (query, data) => {
    const result = await ask(query);
    expect(result.errors).toBeUndefined();
    expect(JSON.stringify(result.data)).toBe(JSON.stringify(data));
  });

  it('are asked for together when they do not conflict', async () => {
    graph.asked.length = 0;
    await ask('{ best { inEuros mustEuros } }');
    expect(graph.asked.map(({ subgraph }) => subgraph)).toEqual(['shop', 'prices', 'taxes']);
  });

  it('are matched by key when two fetches see two orders', async () => {
    state.taxesReversed = true;
    const { data } = await ask('{ items { inDollars inEuros } }');
    expect(data?.['items']).toEqual(
      ['a', 'b', 'c'].map((id) => ({ inDollars: `${id} $2201`, inEuros: `${id} €1101` })),
    );
  });

  it('are null with an error where the other fetch does not see the thing any more', async () => {
    state.taxesMissing = 'b';
    const { data, errors } = await ask('{ items { id inDollars x: inEuros } }');
    expect(data?.['items']).toMatchObject([
      { x: 'a €1101' },
      { id: 'b', x: null },
      { x: 'c €1101' },
    ]);
    expect(errors).toMatchObject([
      { path: ['items', 1, 'x'], extensions: { code: 'CONFLICT', retryable: true } },
    ]);
  });

  it('fail alone, at the place in the answer that the client sees', async () => {
    state.down = true;
    state.taxesReversed = true;
    const { data, errors } = await ask('{ items { inDollars x: inEuros } }');
    expect(data?.['items']).toMatchObject(
      ['a', 'b', 'c'].map((id) => ({ inDollars: `${id} $2201`, x: null })),
    );
    expect(errors?.map(({ path }) => path).sort()).toEqual(
      [0, 1, 2].map((at) => ['items', at, 'x']),
    );
  });

  it.each([
    ['a mutation', 'mutation { buy { inDollars inEuros } }'],
    ['items without a key', '{ box { loose { item { inDollars inEuros } } } }'],
    ['lists in lists', '{ pairs { inDollars inEuros } }'],
    ['a union with members without a key', '{ things { ... on Item { inDollars inEuros } } }'],
  ])('are refused where they cannot be matched for sure: %s', async (_name, query) => {
    graph.asked.length = 0;
    await expect(ask(query)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(graph.asked).toEqual([]);
  });

  it('would be wrong without the layer', async () => {
    const { data } = await graph.ask('{ best { inDollars inEuros } }', { unhardened: true });
    const { inDollars, inEuros } = data?.['best'] as Record<string, string>;
    expect([inDollars, inEuros]).not.toEqual(['best $2204', 'best €1104']);
  });
});
