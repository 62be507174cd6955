import { describe, expect, it } from '@jest/globals';
import { graphOf } from './fixtures/graph.ts';
import { monolith, spoofable } from './fixtures/spoofable.ts';

const graph = graphOf(spoofable);

/** What would steer a later fetch, if its names reached the executor. */
const spoofs: readonly (readonly [name: string, query: string])[] = [
  ['a key, by an argument', '{ myJob { id: label(v: "victim") secretCost } }'],
  ['a key, by another field of the same subgraph', '{ myJob { id: title secretCost } }'],
  ['a @requires input', '{ myJob { cpu: echo(v: 999) secretCost } }'],
  [
    'a @requires input, by a variable',
    'query ($v: Int = 7) { myJob { cpu: echo(v: $v) secretCost } }',
  ],
  ['the type name', '{ myJob { __typename: label(v: "Doc") secretCost } }'],
  ['a key of an object below', '{ myJob { org { code: tag(v: "victim") audited } } }'],
  ['a nested key as a whole', '{ org { region: elsewhere(v: "victim") { name } audited } }'],
  ['a @requires input of a composite key', '{ org { budget: title audited } }'],
  ['a key in an inline fragment', '{ myJob { ... on Job { id: label(v: "victim") } secretCost } }'],
  [
    'a key in a fragment on an interface',
    '{ node { ... on Job { id: label(v: "victim") secretCost } } }',
  ],
  [
    'a key in a named fragment, spread twice',
    '{ myJob { ...F parent { ...F } } } fragment F on Job { id: label(v: "victim") secretCost }',
  ],
  [
    'a key of one member of a union',
    '{ items { ... on Doc { id: note(v: "victim") secretWords } ... on Job { id: label(v: "x") secretCost } } }',
  ],
  [
    'a @requires input of one member only',
    '{ items { ... on Doc { words: note(v: "9") secretWords } ... on Job { cpu secretCost } } }',
  ],
  ['the keys of a list', '{ jobs { id: label(v: "victim") secretCost } }'],
  ['the keys of a list below a list', '{ jobs { parent { id: label(v: "victim") secretCost } } }'],
  ['a key after a mutation', 'mutation { touch { id: label(v: "victim") secretCost } }'],
  [
    'an object by another',
    '{ myJob { org: best(v: "victim") { title } parent: org { audited } } }',
  ],
  [
    'a key under a name like ours',
    '{ myJob { forgeAlias_id: label(v: "victim") id: label(v: "v") secretCost } }',
  ],
  [
    'a key of the matcher of split answers',
    '{ myJob { forgeKey_id: label(v: "victim") secretCost } }',
  ],
  ['the name that the planner gives', '{ myJob { cpu__alias_0: echo(v: 1) secretCost } }'],
  ['the prototype', '{ myJob { __proto__: label(v: "x") constructor: label(v: "y") secretCost } }'],
  [
    'the entities of a fetch',
    'query ($representations: String = "x") { myJob { label(v: $representations) secretCost } }',
  ],
  ['a @requires input by its own arguments', '{ myJob { price(in: "USD") inEuro } }'],
  ['a @requires input by its default argument', '{ myJob { price inEuro } }'],
  ['a @requires list by a shorter one', '{ myJob { rows(limit: 1) { n } counted } }'],
  [
    'a @requires list by an empty one under its alias',
    '{ myJob { rows: rows(limit: 0) { n } counted } }',
  ],
  [
    'a @requires list by one in a fragment',
    '{ jobs { ...F counted } } fragment F on Job { rows(limit: 2) { n } }',
  ],
  ['the inside of a @requires list', '{ myJob { rows(limit: 3) { n: n m: n } counted } }'],
];

describe('a client that aliases fields cannot replace', () => {
  it.each(spoofs)('%s', async (_name, query) => {
    const expected = await monolith(graph.loaded.schema, query);
    expect(expected.errors).toBeUndefined();
    const result = await graph.ask(query);
    expect(JSON.stringify(result)).toBe(JSON.stringify({ data: expected.data }));
    for (const { variables } of graph.asked.splice(0)) {
      expect(JSON.stringify(variables['representations'] ?? [])).not.toMatch(
        /"(id|code|name)":"(victim|v|x)"|999/,
      );
    }
  });

  it('without the layer, it can', async () => {
    const { data } = await graph.ask('{ myJob { id: label(v: "victim") secretCost } }', {
      unhardened: true,
    });
    expect(data).toEqual({ myJob: { id: 'victim', secretCost: 'victim costs 4' } });
  });
});
