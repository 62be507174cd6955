import { describe, expect, it } from '@jest/globals';
import type { ExecutionResult } from 'graphql';
import { entities, scripted } from './fixtures/scripted.ts';

const graph = scripted({
  a: `scalar JSON enum Color { RED GREEN SECRET @inaccessible }
    type Query { t: T node: Node list: [[T!]] any: Any }
    interface Node { id: ID! } union Any = T | Hidden
    type T implements Node { id: ID! n: Int f: Float b: Boolean s: String c: Color j: JSON t: T c2: Color! }
    type Hidden implements Node @inaccessible { id: ID! }`,
});

async function shown(selection: string, t: unknown): Promise<ExecutionResult> {
  return graph.run(`{ t { ${selection} } }`, { a: () => ({ data: { t } }) });
}
const paths = ({ errors = [] }: ExecutionResult) => errors.map(({ path }) => path);

describe('what a client sees', () => {
  it('has the keys it asked for, in its order, and nothing else', async () => {
    const t = { __typename: 'T', s: 'x', n: 1, id: '7', extra: true };
    const { data } = await shown('n x: __typename ... on T { id n } s', t);
    expect(JSON.stringify(data)).toBe('{"t":{"n":1,"x":"T","id":"7","s":"x"}}');
  });

  it.each([
    ['id', 7, '7'],
    ['f', 1, 1],
    ['s', 7, '7'],
    ['j', { __proto__: null, deep: [1, null] }, { deep: [1, null] }],
    ['j', 0, 0],
    ['b', false, false],
    ['c', 'RED', 'RED'],
  ])('shows %s %j as %j', async (field, value, expected) => {
    expect(await shown(field, { [field]: value })).toEqual({ data: { t: { [field]: expected } } });
  });

  it.each([
    ['n', 1.5],
    ['n', 2 ** 31],
    ['f', 'x'],
    ['b', 'x'],
    ['s', {}],
    ['c', 'BLUE'],
    ['c', 'SECRET'],
    ['t', 'no object'],
    ['t', []],
  ])('turns %s %j into null with an error', async (field, value) => {
    const selection = field === 't' ? 't { id }' : field;
    const result = await shown(selection, { [field]: value });
    expect(result.data).toEqual({ t: { [field]: null } });
    expect(paths(result)).toEqual([['t', field]]);
    expect(JSON.stringify(result.errors)).not.toContain('SECRET');
  });

  it('loses the object to a value that must not be null and is not fit', async () => {
    const result = await shown('c2', { c2: 'SECRET' });
    expect(result.data).toEqual({ t: null });
    expect(paths(result)).toEqual([['t', 'c2']]);
  });

  it('never takes what objects inherit for a value', async () => {
    const aliases = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'];
    const selection = aliases.map((alias) => `${alias}: s`).join(' ');
    const { data, errors } = await shown(selection, {});
    expect(errors).toBeUndefined();
    expect(JSON.stringify(data)).toBe(
      `{"t":{${aliases.map((alias) => `"${alias}":null`).join(',')}}}`,
    );
    const given = await graph.run(`{ t { ${selection} } }`, {
      a: () =>
        JSON.parse('{"data":{"t":{"__proto__":"mine","constructor":"too"}}}') as ExecutionResult,
    });
    expect(JSON.stringify(given.data)).toContain('"__proto__":"mine"');
    expect(JSON.stringify(given.data)).toContain('"constructor":"too"');
  });

  it('has null for an object of a type that the graph does not show', async () => {
    for (const field of ['node', 'any']) {
      const result = await graph.run(`{ ${field} { __typename } }`, {
        a: () => ({ data: { [field]: { __typename: 'Hidden', id: '1' } } }),
      });
      expect(result.data).toEqual({ [field]: null });
      expect(paths(result)).toEqual([[field]]);
      expect(JSON.stringify(result.errors)).not.toContain('Hidden');
    }
  });

  it('has lists in lists, and null for the list whose item must not be', async () => {
    const result = await graph.run('{ list { id } }', {
      a: () => ({ data: { list: [[{ id: '1' }], null, [{ id: '2' }, null], []] } }),
    });
    expect(result.data).toEqual({ list: [[{ id: '1' }], null, null, []] });
    expect(paths(result)).toEqual([['list', 2, 1]]);
  });
});

describe('an object that a subgraph knows by its interface only', () => {
  const media = scripted({
    a: `interface Media @key(fields: "id") { id: ID! title: String }
      type Book implements Media @key(fields: "id") { id: ID! title: String pages: Int! }
      type Film implements Media @key(fields: "id") { id: ID! title: String }`,
    b: `type Query { top: [Media] } type Media @interfaceObject @key(fields: "id") { id: ID! stars: Int }`,
  });
  const top = () => ({ data: { top: [{ __typename: 'Media', id: '1', stars: 5 }] } });

  it('is shown as what the interface says, without asking what it is', async () => {
    expect(await media.run('{ top { id stars } }', { b: top })).toEqual({
      data: { top: [{ id: '1', stars: 5 }] },
    });
  });

  it('is shown as what it is when that matters', async () => {
    const a = entities(() => ({ __typename: 'Book', title: 'T', pages: 9 }));
    const { data } = await media.run('{ top { __typename stars title ... on Book { pages } } }', {
      a,
      b: top,
    });
    expect(data).toEqual({ top: [{ __typename: 'Book', stars: 5, title: 'T', pages: 9 }] });
  });

  it('is null when nobody can tell what it is', async () => {
    const result = await media.run('{ top { stars ... on Book { pages } } }', {
      a: (request) => ({
        ...(entities(() => null)(request) as ExecutionResult),
        errors: [{ message: 'no', path: ['_entities', 0, 'pages'] }] as never,
      }),
      b: top,
    });
    expect(result.data).toEqual({ top: [null] });
    expect(paths(result)).toEqual([['top', 0, 'pages']]);
  });
});
