import { describe, expect, it } from '@jest/globals';
import { buildSchema, GraphQLError, parse, print } from 'graphql';
import { singleOperation } from './document.ts';
import { takenKeys } from './names.ts';
import { rewrite } from './rewrite.ts';
import { shapeOf } from './shape.ts';
import { undo } from './undo.ts';
import { safeVariables } from './variables.ts';

const schema = buildSchema(`
  scalar JSON
  interface Node { id: ID! }
  type A implements Node {
    id: ID! name: String json: JSON inner: A list: [[A]] forgeAlias_odd: Int price(in: String): Int
  }
  type B implements Node { id: ID! size: Int }
  type Query { node: Node a: A }
`);

function harden(text: string, operationName?: string) {
  const single = singleOperation(parse(text), operationName);
  if (!single) throw new Error('no operation');
  const rewritten = rewrite(schema, single, {
    isTaken: takenKeys(schema),
    isSteerable: (name) => name === 'price',
    rejected: new Set(),
    guarded: new Map(),
  });
  const shape = shapeOf(rewritten);
  const refusal = () => new GraphQLError('no');
  return {
    ...rewritten,
    single,
    restore: (result: Parameters<typeof undo>[0]) =>
      shape ? undo(result, { shape, refusal }) : result,
  };
}

describe('rewrite', () => {
  it('leaves an operation without such aliases as it is', () => {
    const { document, single } = harden('{ mine: a { id title: name } }');
    expect(document).toBe(single.document);
  });

  it('renames by the response key alone, so that fields which merge still merge', () => {
    const { document } = harden(
      '{ node { ... on A { size: name } ... on Node { size: id } ...F } } fragment F on B { id: size }',
    );
    expect(print(document).match(/forgeAlias_size/g)).toHaveLength(2);
    expect(print(document)).toContain('forgeAlias_id: size');
  });

  it('asks apart for a field with arguments that the planner asks for as well', () => {
    const { document } = harden('{ a { price(in: "USD") x: price(in: "EUR") } }');
    expect(print(document)).toContain('forgeAlias_price: price(in: "USD")');
    expect(print(document)).toContain('x: price(in: "EUR")');
  });

  it.each([
    'forgeNull_x',
    'forgeApart_1_x',
    'forgeType_',
    'forgeKey_id',
    'x__alias_0',
    '__proto__',
    'constructor',
  ])('keeps a client from using the name %s', (name) => {
    const { document, restore } = harden(`{ a { ${name}: name } }`);
    expect(print(document)).toContain(`forgeAlias_${name}: name`);
    const { data } = restore({ data: { a: { [`forgeAlias_${name}`]: 'n' } } });
    expect(Object.entries(data?.['a'] ?? {})).toEqual([[name, 'n']]);
  });

  it('keeps names apart that look like its own', () => {
    const { document, restore } = harden('{ a { forgeAlias_id: name id: name forgeAlias_odd } }');
    const text = print(document);
    expect(text).toContain('forgeAlias_forgeAlias_id: name');
    expect(text).toContain('forgeAlias_forgeAlias_odd: forgeAlias_odd');
    const data = {
      a: { forgeAlias_forgeAlias_id: 'n', forgeAlias_id: 'n', forgeAlias_forgeAlias_odd: 1 },
    };
    expect(restore({ data })).toEqual({
      data: { a: { forgeAlias_id: 'n', id: 'n', forgeAlias_odd: 1 } },
    });
  });

  it('restores lists in lists and leaves the inside of scalars alone', () => {
    const { restore } = harden('{ a { list { id: name } name: json } }');
    const inside = { forgeAlias_id: 'stays' };
    const data = { a: { list: [[{ forgeAlias_id: 'x' }, null], null], forgeAlias_name: inside } };
    expect(restore({ data })).toEqual({
      data: { a: { list: [[{ id: 'x' }, null], null], name: inside } },
    });
  });

  it('restores the paths of errors, list indices included', () => {
    const { restore } = harden('query Q { id: a { list { id: name } } } query R { a { id } }', 'Q');
    const error = new GraphQLError('no', {
      path: ['forgeAlias_id', 'list', 0, 1, 'forgeAlias_id'],
    });
    expect(restore({ errors: [error] }).errors?.[0]?.path).toEqual(['id', 'list', 0, 1, 'id']);
  });

  it('sends one operation with the fragments that it reaches, and nothing else', () => {
    const { document } = harden(
      'query Q { a { ...F } } query R { a { id: name ...G } } fragment F on A { id } fragment G on A { id }',
      'Q',
    );
    expect(document.definitions).toHaveLength(2);
  });
});

describe('safeVariables', () => {
  it('renames the variable that fetches send their entities in, and no other', () => {
    const { document, rename } = safeVariables(
      parse('query ($representations: String, $x: Int) { a(b: $representations, c: $x) { id } }'),
    );
    expect(print(document)).toContain('($forgeVariable_representations: String, $x: Int)');
    expect(print(document)).toContain('a(b: $forgeVariable_representations, c: $x)');
    expect(rename({ representations: 'r', x: 1 })).toEqual({
      forgeVariable_representations: 'r',
      x: 1,
    });
  });
});
