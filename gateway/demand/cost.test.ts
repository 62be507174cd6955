import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'graphql';
import { operationCost } from './cost.ts';
import { costRules } from './cost-rules.ts';
import { singleOperation } from '../hardening/document.ts';
import { composed } from '../hardening/fixtures/graph.ts';
import { loadSupergraph } from '../supergraph/supergraph.ts';

const { schema, ast } = loadSupergraph(
  composed({
    a: {
      sdl: `
        type Query {
          book: Book heavy: Int @cost(weight: 7) name: String
          plain: [Book] assumed: [Book] @listSize(assumedSize: 3)
          sliced(first: Int = 5, last: Int): [Book] @listSize(slicingArguments: ["first", "last"])
          strict(first: Int, last: Int): [Book] @listSize(slicingArguments: ["first", "last"])
          page(first: Int): Page @listSize(slicingArguments: ["first"], sizedFields: ["items"], requireOneSlicingArgument: false, assumedSize: 4)
          jobs(first: Int! = 50): JobConnection
          search(input: Filter, words: [String] @cost(weight: 2)): Book
          node: Node
        }
        type Mutation { buy: Book }
        interface Node { id: ID! }
        type Book implements Node { id: ID! title: String author: Author pages: [Page] }
        type Author @cost(weight: 5) { name: String books: [Book] @listSize(assumedSize: 10) }
        type Page { items: [Book] count: Int }
        type JobConnection { edges: [JobEdge] count: Int }
        type JobEdge { node: Book }
        input Filter { text: String @cost(weight: 3) and: [Filter] }
      `,
      resolvers: {},
    },
  }),
);
const rules = costRules(ast);
const costOf = (query: string) => {
  const single = singleOperation(parse(query), undefined);
  if (!single) throw new Error('no operation');
  return operationCost({ schema, rules, listSizeDefault: 2 }, single);
};
const estimate = (query: string, variables = {}) => costOf(query).estimate(variables);

describe('the estimated cost', () => {
  const cases: readonly (readonly [query: string, cost: number])[] = [
    ['{ name }', 0],
    ['{ book { title } }', 1],
    ['{ book { author { name } } }', 6],
    ['{ heavy }', 7],
    ['mutation { buy { id } }', 11],
    ['{ plain { id } }', 2],
    ['{ assumed { author { name } } }', 18],
    ['{ sliced { id } }', 5],
    ['{ sliced(first: 30) { id } }', 30],
    ['{ strict(last: 4) { id } }', 4],
    ['{ page(first: 9) { items { id } } }', 10],
    ['{ page { items { id } count } }', 5],
    ['{ jobs { edges { node { id } } } }', 101],
    ['{ jobs(first: 2) { edges { node { id } } } }', 5],
    ['{ book { id } book { title } ...F } fragment F on Query { book { author { name } } }', 6],
    ['{ book { ...B ... on Book { author { name } } } } fragment B on Book { author { name } }', 6],
    ['{ a: book { id } b: book { id } }', 2],
    ['{ node { id ... on Book { author { name } } } }', 6],
    ['{ search(input: { text: "x", and: [{ text: "y" }, { text: "z" }] }) { id } }', 10],
    ['{ search(words: ["a", "b"]) { id } }', 5],
    ['{ heavy @skip(if: true) name }', 0],
    ['{ __schema { types { name } } }', 0],
  ];
  it.each(cases)('of %s is %d', (query, cost) => {
    expect(estimate(query)).toBe(cost);
  });

  it('takes sizes, conditions and inputs from variables, and their defaults', () => {
    const query = `query ($n: Int = 3, $yes: Boolean = true, $f: Filter) {
      sliced(first: $n) { id } heavy @include(if: $yes) search(input: $f) { id } }`;
    expect(estimate(query)).toBe(3 + 7 + 1);
    expect(estimate(query, { n: 8, yes: false, f: { and: [{ text: 'x' }] } })).toBe(8 + 1 + 3);
  });

  it('refuses a list that must be sized by exactly one argument and is not', () => {
    for (const query of ['{ strict { id } }', '{ strict(first: 1, last: 1) { id } }']) {
      expect(() => estimate(query)).toThrow('Query.strict needs exactly one of first, last.');
    }
  });

  it('is never made smaller by a strange size', () => {
    const sizes = [-1_000, NaN, -Infinity, '7', null, {}, [], true];
    for (const n of sizes) {
      const query = 'query ($n: Int) { sliced(first: $n) { id } book { author { name } } }';
      expect(estimate(query, { n })).toBeGreaterThanOrEqual(6);
    }
  });

  it('grows when more is asked for', () => {
    const fields = [
      'book { id }',
      'x: heavy',
      'plain { id }',
      'jobs(first: 3) { edges { node { id } } }',
    ];
    fc.assert(
      fc.property(fc.subarray(fields, { minLength: 1 }), (some) => {
        expect(estimate(`{ ${fields.join(' ')} }`)).toBeGreaterThanOrEqual(
          estimate(`{ ${some.join(' ')} }`),
        );
      }),
    );
  });
});

describe('the actual cost', () => {
  it('counts the objects that are in the answer', () => {
    const { actual } = costOf('{ plain { author { name } } heavy mine: book { id } }');
    expect(
      actual({ plain: [{ author: { name: 'x' } }, null, { author: null }], heavy: 1, mine: null }),
    ).toBe(14);
    expect(actual(null)).toBe(0);
  });

  it('is no more than the estimate when lists are no longer than was said', () => {
    const { estimate: estimated, actual } = costOf(
      '{ jobs(first: 3) { edges { node { author { name } } } } }',
    );
    const data = { jobs: { edges: [1, 2, 3].map(() => ({ node: { author: { name: 'x' } } })) } };
    expect(actual(data)).toBe(estimated({}));
  });
});
