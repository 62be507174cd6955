import { describe, expect, it } from '@jest/globals';
import { plannedFetches, UnsupportedPlan } from './plan-fetches.ts';
import { represents } from './representations.ts';
import { renamedPath, rewriter } from './rewrites.ts';
import { copyOf, grower } from './tree.ts';
import type { Tree } from './tree.ts';

const typesWithin = (condition: string) =>
  new Set(condition === 'Media' ? ['Media', 'Book'] : [condition]);
const grow = grower((typename) => typename === 'Media');

function grown(target: Tree, ...sources: Tree[]): Tree {
  for (const source of sources) grow(target, source);
  return target;
}

describe('answers that grow together', () => {
  it('complete each other in depth, lists item by item', () => {
    const tree = grown(
      { a: { x: 1, l: [{ p: 1 }, null] } },
      { a: { y: 2, l: [{ q: 2 }, null] }, b: 3 },
    );
    expect(tree).toEqual({ a: { x: 1, y: 2, l: [{ p: 1, q: 2 }, null] }, b: 3 });
  });

  it('are null where one says null, whichever came first', () => {
    expect(grown({ a: null }, { a: { x: 1 } })).toEqual({ a: null });
    expect(grown({ a: { x: 1 } }, { a: null })).toEqual({ a: null });
  });

  it('keep what an object is when a subgraph knows only its interface', () => {
    expect(grown({ __typename: 'Book' }, { __typename: 'Media' })).toEqual({ __typename: 'Book' });
    expect(grown({ __typename: 'Media' }, { __typename: 'Book' })).toEqual({ __typename: 'Book' });
  });

  it('cannot reach what all objects inherit', () => {
    const source = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"x":1}}') as Tree;
    const tree = grown({}, source, { __proto__: null, ['constructor']: { y: 2 } });
    expect(JSON.stringify(tree)).toBe('{"__proto__":{"polluted":1},"constructor":{"x":1,"y":2}}');
    expect(Object.getPrototypeOf(tree)).toBe(Object.prototype);
    expect(JSON.stringify(copyOf(source))).toBe(JSON.stringify(source));
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('representations', () => {
  const field = (name: string, selections?: object[]) => ({ kind: 'Field', name, selections });
  const on = (typeCondition: string, ...selections: object[]) => ({
    kind: 'InlineFragment',
    typeCondition,
    selections,
  });
  const placesOf = (requires: object[], entities: Tree[]) => {
    const made = represents(requires as never, typesWithin, () => undefined)();
    return { places: entities.map(made.placeOf), list: made.list };
  };

  it('are one for equal leaves, and tell numbers from their texts', () => {
    const entities = ['1', 1, '1', true].map((id) => ({ __typename: 'Book', id }));
    const { places, list } = placesOf([on('Book', field('__typename'), field('id'))], entities);
    expect(places).toEqual([0, 1, 0, 2]);
    expect(list).toHaveLength(3);
  });

  it('hold what is nested, by the types that are there', () => {
    const maker = field('maker', [field('id'), on('Firm', field('vat'))]);
    const entity = (vat: unknown) => ({
      __typename: 'Book',
      makers: null,
      maker: [{ __typename: 'Firm', id: 1, vat, more: 1 }, null, { __typename: 'Person', id: 2 }],
    });
    const { places, list } = placesOf(
      [on('Media', field('__typename'), maker)],
      [entity(7), entity(7)],
    );
    expect(places).toEqual([0, 0]);
    expect(list).toEqual([{ __typename: 'Book', maker: [{ id: 1, vat: 7 }, null, { id: 2 }] }]);
  });

  it('are not made of less than is needed, nor for other types', () => {
    const nested = [on('Book', field('__typename'), field('maker', [field('id')]))];
    const entities = [
      { __typename: 'Book', maker: {} },
      { __typename: 'Book' },
      { __typename: 'Film' },
    ];
    expect(placesOf(nested, entities).places).toEqual([-2, -2, -1]);
    const flat = [on('Book', field('__typename'), field('id'))];
    expect(placesOf(flat, entities.slice(1)).places).toEqual([-2, -1]);
  });
});

describe('rewrites', () => {
  it('set and rename values at their paths, in lists and for types', () => {
    const tree = {
      list: [
        { __typename: 'Book', x__alias_0: 0 },
        { __typename: 'Film', x__alias_0: 1 },
      ],
    };
    const path = ['list', '... on Book', 'x__alias_0'];
    rewriter([{ kind: 'KeyRenamer', path, renameKeyTo: 'x' }], typesWithin)(tree);
    rewriter(
      [{ kind: 'ValueSetter', path: ['list', '... on Media', '__typename'], setValueTo: 'Media' }],
      typesWithin,
    )(tree);
    expect(JSON.stringify(tree)).toBe(
      '{"list":[{"__typename":"Media","x":0},{"__typename":"Film","x__alias_0":1}]}',
    );
  });

  it('are followed by the paths of errors', () => {
    const rewrites = [
      { kind: 'KeyRenamer' as const, path: ['... on A', 'list', 'x__alias_0'], renameKeyTo: 'x' },
    ];
    expect(renamedPath(['list', 3, 'x__alias_0', 'y'], rewrites)).toEqual(['list', 3, 'x', 'y']);
    expect(renamedPath(['other', 'x__alias_0'], rewrites)).toEqual(['other', 'x__alias_0']);
  });
});

describe('a plan', () => {
  const fetch = { kind: 'Fetch' as const, serviceName: 'a', operation: '{ q }' };
  const at = (...path: string[]) => ({ kind: 'Flatten' as const, path, node: fetch });

  it('lets a fetch wait only for what can reach its objects; a mutation for all before', () => {
    const nodes = [fetch, at('a'), at('b', '@'), at('a', 'c'), at('a')];
    const plan = { kind: 'Sequence', nodes } as never;
    expect(plannedFetches(plan, false).map(({ after }) => after)).toEqual([
      [],
      [0],
      [0],
      [0, 1],
      [0, 1, 3],
    ]);
    expect(plannedFetches(plan, true).at(-1)?.after).toEqual([0, 1, 2, 3]);
  });

  it.each([
    ['a deferred part', { kind: 'Defer', primary: {}, deferred: [] }],
    ['a condition', { kind: 'Condition', condition: 'x', ifClause: fetch }],
    ['values from a context', { ...fetch, contextRewrites: [{}] }],
  ])('with %s is left to the stock executor', (_name, node) => {
    expect(() => plannedFetches(node as never, false)).toThrow(UnsupportedPlan);
  });
});
