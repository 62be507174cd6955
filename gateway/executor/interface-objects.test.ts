import { describe, expect, it } from '@jest/globals';
import type { Answer } from './fixtures/scripted.ts';
import { scripted } from './fixtures/scripted.ts';

const graph = scripted({
  shop: `type Query { items: [Item] }
    interface Item @key(fields: "id") { id: ID! }
    type Book implements Item @key(fields: "id") { id: ID! }
    type Film implements Item @key(fields: "id") { id: ID! }`,
  marks: `type Item @interfaceObject @key(fields: "id") {
      id: ID! stars: Int! note(in: String): String next: Page after: Item }
    type Page { number: Int! lines: Int! }`,
  films: `type Film @key(fields: "id") { id: ID! stars: Int! @external
    isGood: Boolean @requires(fields: "stars") }`,
});

const shop: Answer = () => ({
  data: {
    items: [
      { __typename: 'Book', id: 'b' },
      { __typename: 'Film', id: 'f' },
    ],
  },
});

/** What the subgraph of the interface object was asked, and about whom. */
function askedOfMarks() {
  const [asked] = graph.asked.filter(({ subgraph }) => subgraph === 'marks');
  const { query = '', variables = {} } = asked?.request ?? {};
  const lists = query.matchAll(
    /_entities\(representations:\$(\w+)\)\{\.\.\.on Item\{(.*?)\}\}(?=_|\}$)/g,
  );
  return [...lists].map(([, name = '', fields]) => {
    const told = variables[name] as { id: string }[];
    return [fields, told.map(({ id }) => id)];
  });
}

/** Marks that fail for all that has stars. */
const marks: Answer = ({ query, variables = {} }) => {
  const data: Record<string, unknown> = {};
  const errors: object[] = [];
  for (const [name, told] of Object.entries(variables)) {
    if (!Array.isArray(told)) continue;
    const key = name.replace('representations', '_entities');
    const [, fields = ''] = new RegExp(`\\$${name}\\)\\{(.*?)\\}`).exec(query) ?? [];
    const fails = fields.includes('stars');
    data[key] = told.map((_, index) => {
      if (fails) errors.push({ message: 'no stars', path: [key, index, 'stars'] });
      return fails ? null : { note: 'n' };
    });
  }
  return { data, errors: errors as never[] };
};

describe('entities of several types, told as an interface object', () => {
  it('are each asked about what is selected of their own type, in one request', async () => {
    await graph.run('{ items { ... on Book { note } ... on Film { stars } } }', { shop, marks });
    expect(graph.asked.map(({ subgraph }) => subgraph)).toEqual(['shop', 'marks']);
    expect(askedOfMarks()).toEqual([
      ['note', ['b']],
      ['stars', ['f']],
    ]);
  });

  it('lose nothing by a failure of what is not selected of their type', async () => {
    const query = '{ items { ... on Book { note } ... on Film { stars } } }';
    const result = await graph.run(query, { shop, marks });
    expect(result.data).toEqual({ items: [{ note: 'n' }, null] });
    expect(result.errors?.map(({ path }) => path)).toEqual([['items', 1, 'stars']]);
  });

  it('are asked in one list when the same is selected of each', async () => {
    const query = '{ items { note ... on Film { id } } }';
    await graph.run(query, { shop, marks });
    expect(askedOfMarks()).toEqual([['note', ['b', 'f']]]);
  });

  it('are asked about what their type needs for another subgraph', async () => {
    const query = '{ items { note ... on Film { isGood } } }';
    await graph.run(query, { shop, marks, films: () => ({ data: { _entities: [] } }) });
    expect(askedOfMarks()).toEqual([
      ['note', ['b']],
      ['note stars', ['f']],
    ]);
  });

  it('are asked about objects inside only what is selected there', async () => {
    const query =
      '{ items { ... on Book { next { number } } ... on Film { ...F } } } fragment F on Film { next { lines } }';
    await graph.run(query, { shop, marks });
    expect(graph.asked[1]?.request.query).toMatch(/next\{number\}.*next\{lines\}/);
  });

  it('are not asked for the way to what is read at its end of another type only', async () => {
    const query = `{ items {
      ... on Book { after { ... on Film { isGood } } } ... on Film { second: after { id } } } }`;
    await graph.run(query, { shop, marks, films: () => ({ data: { _entities: [] } }) });
    expect(askedOfMarks()).toEqual([
      ['after{__typename id}', ['b']],
      ['second:after{id}', ['f']],
    ]);
  });

  it('carry no variable for what is not asked of any', async () => {
    const query = `query Q($in: String) { items { ... on Book { note(in: $in) } ... on Film { stars } } }`;
    await graph.run(query, { shop, marks }, { in: 'de' });
    const [, asked] = graph.asked;
    expect(asked?.request.variables).toMatchObject({ in: 'de' });
    expect(asked?.request.query.match(/\$in/g)).toHaveLength(2);
  });
});
