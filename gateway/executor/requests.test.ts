import { describe, expect, it } from '@jest/globals';
import { entities, scripted } from './fixtures/scripted.ts';

const shop = scripted({
  products: `type Query { top: [Product] first: Product }
    type Product @key(fields: "upc") { upc: String! price: Int related: [Product] maker: Maker }
    type Maker @key(fields: "id") { id: ID! }`,
  stock: `type Product @key(fields: "upc") { upc: String! price: Int @external inStock: Boolean
    shipping(to: String): Int @requires(fields: "price") }`,
  makers: `type Maker @key(fields: "id") { id: ID! name: String home: Home }
    type Home @key(fields: "id") { id: ID! }`,
  homes: `type Home @key(fields: "id") { id: ID! city: String zip: String }`,
});

const product = (upc: string, more: object = {}) => ({
  __typename: 'Product',
  upc,
  price: 7,
  ...more,
});

describe('requests to subgraphs', () => {
  it('tell equal entities once, and give the answer to each of them', async () => {
    const result = await shop.run('{ top { inStock } }', {
      products: () => ({ data: { top: [product('a'), product('b'), null, product('a')] } }),
      stock: entities(({ upc }) => ({ inStock: upc === 'a' })),
    });
    expect(result).toEqual({
      data: { top: [{ inStock: true }, { inStock: false }, null, { inStock: true }] },
    });
    expect(shop.asked[1]?.request.variables).toEqual({
      representations: [
        { __typename: 'Product', upc: 'a' },
        { __typename: 'Product', upc: 'b' },
      ],
    });
  });

  it('share one for what is due at once from a subgraph, at however many places', async () => {
    const query = '{ top { inStock related { inStock shipping(to: "x") } } first { inStock } }';
    const result = await shop.run(query, {
      products: () => ({
        data: { top: [product('a', { related: [product('b')] })], first: product('c') },
      }),
      stock: entities(({ upc, price }) => ({
        inStock: upc !== 'c',
        shipping: price === undefined ? undefined : 3,
      })),
    });
    expect(shop.asked.map(({ subgraph }) => subgraph)).toEqual(['products', 'stock']);
    expect(result.data).toEqual({
      top: [{ inStock: true, related: [{ inStock: true, shipping: 3 }] }],
      first: { inStock: false },
    });
  });

  it('keep apart what two places are asked for differently inside of a shared answer', async () => {
    const query = `{ first { maker { home { x: city } } }
      top { maker { home { x: zip } } } }`;
    const result = await shop.run(query, {
      products: () => ({
        data: {
          first: { maker: { __typename: 'Maker', id: 'm' } },
          top: [{ maker: { __typename: 'Maker', id: 'm' } }],
        },
      }),
      makers: entities(() => ({ home: { __typename: 'Home', id: 'h' } })),
      homes: ({ query: sent }) => {
        const values = [...sent.matchAll(/x:(\w+)/g)].map(([, field]) => [{ x: field }]);
        return { data: { _entities_0: values[0], _entities_1: values[1] } };
      },
    });
    expect(shop.asked.filter(({ subgraph }) => subgraph === 'makers')).toHaveLength(1);
    expect(result.data).toEqual({
      first: { maker: { home: { x: 'city' } } },
      top: [{ maker: { home: { x: 'zip' } } }],
    });
  });

  it('are not held up by a slow branch that they do not need', async () => {
    const order: string[] = [];
    let release = (): void => undefined;
    const slow = new Promise<void>((resolve) => (release = resolve));
    await shop.run('{ top { inStock maker { home { city } } } }', {
      products: () => ({
        data: { top: [product('a', { maker: { __typename: 'Maker', id: 'm' } })] },
      }),
      stock: async (request) => {
        await slow;
        order.push('stock');
        return entities(() => ({ inStock: true }))(request);
      },
      makers: entities(() => ({ home: { __typename: 'Home', id: 'h' } })),
      homes: (request) => {
        order.push('homes');
        release();
        return entities(() => ({ city: 'Ulm' }))(request);
      },
    });
    expect(order).toEqual(['homes', 'stock']);
  });

  it('ask nothing about entities that are not there', async () => {
    const result = await shop.run('{ first { inStock } }', {
      products: () => ({ data: { first: null } }),
    });
    expect(result).toEqual({ data: { first: null } });
    expect(shop.asked).toHaveLength(1);
  });

  it('carry only the variables that they use, those of several parts together', async () => {
    const query =
      'query Q($to: String, $other: String = "y") { top { shipping(to: $to) s: shipping(to: $other) } }';
    await shop.run(
      query,
      {
        products: () => ({ data: { top: [product('a')] } }),
        stock: entities(() => ({ shipping: 1, s: 2 })),
      },
      { to: 'x' },
    );
    expect(shop.asked[0]?.request.variables).toEqual({});
    expect(shop.asked[1]?.request.variables).toMatchObject({ to: 'x' });
    expect(shop.asked[1]?.request.query).toContain('$other:String="y"');
  });

  it('are made once more for no condition: what is skipped asks nothing', async () => {
    const query = 'query Q($yes: Boolean!) { top { upc inStock @include(if: $yes) } }';
    const answers = { products: () => ({ data: { top: [product('a')] } }) };
    const result = await shop.run(query, answers, { yes: false });
    expect(result.data).toEqual({ top: [{ upc: 'a' }] });
    expect(shop.asked).toHaveLength(1);
  });

  it('do not wait for a skipped field’s input', async () => {
    const query = 'query Q($no: Boolean!) { top { inStock shipping @skip(if: $no) } }';
    const answers = {
      products: () => ({ data: { top: [{ __typename: 'Product', upc: 'a' }] } }),
      stock: entities(() => ({ inStock: true })),
    };
    expect((await shop.run(query, answers, { no: true })).data).toEqual({
      top: [{ inStock: true }],
    });
  });

  it('refuse a condition that is null, before anything is asked', async () => {
    const query = 'query Q($yes: Boolean = true) { top { upc @include(if: $yes) } }';
    const result = await shop.run(query, {}, { yes: null });
    expect(result.errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT' });
    expect(result).not.toHaveProperty('data');
    expect(shop.asked).toEqual([]);
  });

  it('ask nothing for what the gateway knows by itself', async () => {
    const query =
      'query Q($t: String!) { __typename a: __type(name: $t) { name } __schema { queryType { name } } }';
    expect(await shop.run(query, {}, { t: 'Maker' })).toEqual({
      data: {
        __typename: 'Query',
        a: { name: 'Maker' },
        __schema: { queryType: { name: 'Query' } },
      },
    });
    expect(shop.asked).toEqual([]);
  });
});

describe('the fields of objects of two types under one key', () => {
  const graph = scripted({
    a: `type Query { node: Node } interface Node { id: ID! }
      type A implements Node @key(fields: "id") { id: ID! p: P }
      type B implements Node @key(fields: "id") { id: ID! p: P }
      type P @key(fields: "id") { id: ID! }`,
    b: 'type P @key(fields: "id") { id: ID! name: String title: String }',
  });

  it('are asked for the type that is there', async () => {
    const query = '{ node { ... on A { p { name } } ... on B { p { name: title } } } }';
    for (const [typename, name] of [
      ['A', 'a name'],
      ['B', 'a title'],
    ]) {
      const result = await graph.run(query, {
        a: () => ({ data: { node: { __typename: typename, p: { __typename: 'P', id: '1' } } } }),
        b: ({ query: sent, variables = {} }) => {
          const lists = [...sent.matchAll(/(_entities_\d):[^{]*\{\.\.\.on P\{([^}]*)\}/g)];
          const data = lists.map(([, key = '', fields]) => {
            const told = variables[key.replace('_entities', 'representations')] as unknown[];
            return [key, told.map(() => ({ name: fields === 'name' ? 'a name' : 'a title' }))];
          });
          return { data: Object.fromEntries(data) as Record<string, unknown> };
        },
      });
      expect(result.data).toEqual({ node: { p: { name } } });
    }
  });
});

describe('mutations', () => {
  const graph = scripted({
    a: 'type Query { q: Int } type Mutation { first: Int third: Int! }',
    b: 'type Mutation { second: Int fourth: Int! }',
  });
  const ok: Record<string, number> = { first: 1, second: 2, third: 3, fourth: 4 };
  const answer = ({ query }: { query: string }) => ({
    data: Object.fromEntries(Object.entries(ok).filter(([name]) => query.includes(name))),
  });

  it('happen in order, one after the other', async () => {
    const result = await graph.run('mutation { first second third fourth }', {
      a: answer,
      b: answer,
    });
    expect(result.data).toEqual(ok);
    expect(graph.asked.map(({ request }) => request.query)).toEqual([
      'mutation{first}',
      'mutation{second}',
      'mutation{third}',
      'mutation{fourth}',
    ]);
  });

  it('go on after one that may be null has failed', async () => {
    const down = () => Promise.reject(new Error('down'));
    const result = await graph.run('mutation { first second }', { a: down, b: answer });
    expect(result.data).toEqual({ first: null, second: 2 });
    expect(result.errors?.map(({ path }) => path)).toEqual([['first']]);
  });

  it('do not happen after one that must not be null has failed', async () => {
    const down = () => Promise.reject(new Error('down'));
    const result = await graph.run('mutation { third second }', { a: down, b: answer });
    expect(result.data).toBeNull();
    expect(result.errors?.map(({ path }) => path)).toEqual([['third']]);
    expect(graph.asked).toHaveLength(1);
  });
});
