import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { GraphQLError, parse } from 'graphql';
import { Query, Resolver } from 'type-graphql';
import { badInput, ForgeError } from './errors.ts';
import { contextOf, masked, notesEngine, plain } from './fixtures/notes-engine.ts';
import type { Asking } from './fixtures/notes-engine.ts';
import { notes } from './fixtures/notes.ts';
import { buildSubgraph } from './subgraph-schema.ts';
import type { GraphRequest, SubgraphSchema } from './subgraph-schema.ts';

/** What a client sees, and what the log keeps. */
async function ask(request: GraphRequest | string, asking?: Asking) {
  const { execute, lines } = await notesEngine();
  const asked = typeof request === 'string' ? { query: request } : request;
  const result = await execute(asked, contextOf(asking));
  return { result: plain(result), lines };
}

describe('a subgraph’s part of the graph', () => {
  let built: SubgraphSchema;
  beforeAll(async () => {
    built = await buildSubgraph(notes());
  });

  it('names the federation it is made for, and its entities with their keys', () => {
    expect(built.sdl).toContain('@link(url: "https://specs.apollo.dev/federation/v2.9"');
    expect(built.sdl).toMatch(/type Note implements Node @key\(fields: "id"\)/);
    expect(() => parse(built.sdl)).not.toThrow();
  });

  it('holds nothing of other subgraphs of the same process', async () => {
    @Resolver()
    class OtherResolver {
      @Query(() => String)
      other(): string {
        return 'other';
      }
    }
    const other = await buildSubgraph({
      resolvers: [OtherResolver],
      orphanedTypes: [],
      references: {},
    });
    expect(other.sdl).not.toContain('Note');
    expect(built.sdl).not.toContain('other');
    expect((await buildSubgraph(notes())).sdl).toBe(built.sdl);
  });

  it('answers as its resolvers do, with variables and a name of the operation', async () => {
    const query = `
      query One($id: ID!) { note(id: $id) { id text } }
      query Two { price { amountMinor currency exponent formatted(locale: "en") } whoami }`;
    const one = await ask({ query, operationName: 'One', variables: { id: 'a' } });
    expect(one.result).toEqual({ data: { note: { id: 'a', text: 'text of a' } } });
    const two = await ask({ query, operationName: 'Two' });
    expect(two.result.data).toEqual({
      price: { amountMinor: '1234', currency: 'USD', exponent: 2, formatted: '$12.34' },
      whoami: {
        tenant: 'acme',
        actor: { type: 'user', id: 'alice' },
        requestId: 'request-1',
        operation: 'Two',
      },
    });
  });

  it('reads its scalars from variables and from the text of the operation', async () => {
    const query = `query ($at: DateTime, $amount: MinorUnits, $after: Cursor, $json: JSON) {
      a: given(at: $at, amount: $amount, after: $after, json: $json)
      b: given(at: "1970-01-01T00:00:01Z", amount: "12", after: "c", json: { x: [1] }) }`;
    const variables = { at: '1970-01-01T00:00:01Z', amount: '12', after: 'c', json: { x: [1] } };
    const given = { at: 1_000, amount: 12, after: 'c', json: { x: [1] } };
    const { result } = await ask({ query, variables });
    expect(result).toEqual({ data: { a: given, b: given } });
  });

  it('asks once for what many fields need', async () => {
    const texts = jest.fn((ids: readonly string[]) => new Map(ids.map((id) => [id, id])));
    await ask('{ notes(first: 30) { edges { node { text } } } note(id: "x") { text } }', {
      deps: { texts },
    });
    expect(texts).toHaveBeenCalledTimes(1);
  });
});

describe('an entity that another subgraph mentions', () => {
  const query = `query ($of: [_Any!]!) { _entities(representations: $of) {
    __typename ... on Note { id text } } }`;
  const mention = (...ids: unknown[]) =>
    ask({ query, variables: { of: ids.map((id) => ({ __typename: 'Note', id })) } });

  it('is found by its id, all of them together', async () => {
    const { result } = await mention('a', 'b');
    expect(result.data).toEqual({
      _entities: ['a', 'b'].map((id) => ({ __typename: 'Note', id, text: `text of ${id}` })),
    });
  });

  it('is null and tells nothing more when it leads nowhere, or has no id that is a text', async () => {
    const { result } = await mention('missing', undefined, 7, null, { evil: true }, 'a');
    expect(result.errors).toBeUndefined();
    expect(result.data?.['_entities']).toMatchObject([null, null, null, null, null, { id: 'a' }]);
  });
});

describe('an operation that cannot be executed', () => {
  it.each<[string, GraphRequest, string, RegExp]>([
    ['is no GraphQL', { query: '{' }, 'GRAPHQL_PARSE_FAILED', /Syntax Error/],
    ['is not of this graph', { query: '{ nothing }' }, 'GRAPHQL_VALIDATION_FAILED', /nothing/],
    [
      'lacks a variable',
      { query: 'query ($id: ID!) { note(id: $id) { id } }' },
      'BAD_USER_INPUT',
      /"\$id" of required type/,
    ],
    [
      'has a variable of another type',
      {
        query: 'query ($n: Int!) { notes(first: $n) { edges { cursor } } }',
        variables: { n: 'x' },
      },
      'BAD_USER_INPUT',
      /"\$n" got invalid value "x"/,
    ],
    [
      'has a variable that its scalar refuses',
      { query: 'query ($at: DateTime) { given(at: $at) }', variables: { at: 'yesterday' } },
      'BAD_USER_INPUT',
      /RFC 3339/,
    ],
    [
      'has null where an argument must have a value',
      {
        query: 'query ($n: Int = 5) { notes(first: $n) { edges { cursor } } }',
        variables: { n: null },
      },
      'BAD_USER_INPUT',
      /Argument "first"/,
    ],
    [
      'names an operation that is not there',
      { query: '{ price { currency } }', operationName: 'Other' },
      'BAD_USER_INPUT',
      /Unknown operation/,
    ],
  ])(
    'is told so when it %s, and leaves no trace in the log',
    async (_name, request, code, words) => {
      const { result, lines } = await ask(request);
      expect(result.errors).toHaveLength(1);
      expect(result.errors?.[0]?.extensions['code']).toBe(code);
      expect(result.errors?.[0]?.message).toMatch(words);
      expect(lines).toEqual([]);
    },
  );
});

describe('a resolver’s error', () => {
  const failing = (thrown: unknown, query = '{ told }') =>
    ask(query, {
      deps: {
        outcome: () => {
          throw thrown;
        },
      },
    });

  it('keeps its words, its code and its hints when it was written for the client', async () => {
    const hints = { retryable: true, retryAfterMs: 500, cause: new Error('pl4nted') };
    const { result, lines } = await failing(new ForgeError('RATE_LIMITED', 'Slow down.', hints));
    expect(result.data).toEqual({ told: null });
    expect(result.errors).toMatchObject([
      {
        message: 'Slow down.',
        path: ['told'],
        extensions: { code: 'RATE_LIMITED', retryable: true, retryAfterMs: 500 },
      },
    ]);
    expect(JSON.stringify(result)).not.toContain('pl4nted');
    expect(lines).toEqual([]);
  });

  it('names the argument that is wrong', async () => {
    const { result } = await failing(badInput('Too long.', 'input.name'));
    expect(result.errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'input.name',
    });
  });

  it('keeps its words when it refuses an input as GraphQL does', async () => {
    const error = new GraphQLError('No such day.', { extensions: { code: 'BAD_USER_INPUT' } });
    const { result } = await failing(error);
    expect(result.errors).toMatchObject([
      { message: 'No such day.', extensions: { code: 'BAD_USER_INPUT' } },
    ]);
  });

  it.each<[string, unknown]>([
    ['an INTERNAL one', new ForgeError('INTERNAL', 'pl4nted')],
    ['any other error', new Error('pl4nted at db.internal')],
    ['an error with a code of its own', Object.assign(new Error('pl4nted'), { code: 'NOT_FOUND' })],
    [
      'an error with extensions',
      Object.assign(new Error('pl4nted'), { extensions: { code: 'NOT_FOUND', sql: 'pl4nted' } }),
    ],
    [
      'a GraphQL error with another code',
      new GraphQLError('pl4nted', { extensions: { code: 'X' } }),
    ],
    ['a GraphQL error without a code', new GraphQLError('pl4nted')],
    ['a text', 'pl4nted'],
    ['nothing at all', undefined],
  ])('is masked, and goes to the log with the request, when it is %s', async (_name, thrown) => {
    const { result, lines } = await failing(thrown);
    expect(result.errors).toEqual([
      { ...masked, locations: [{ line: 1, column: 3 }], path: ['told'] },
    ]);
    expect(JSON.stringify(result)).not.toContain('pl4nted');
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? '') as { err: { message: string } };
    expect(line).toMatchObject({
      requestId: 'request-1',
      path: ['told'],
      msg: 'a resolver failed',
    });
    if (thrown !== undefined) expect(line.err.message).toContain('pl4nted');
  });

  it.each<[string, string, unknown]>([
    ['null where there must be something', '{ counted }', null],
    ['a fraction for a whole number', '{ counted }', 1.5],
    ['a text for a whole number', '{ counted }', 'pl4nted'],
    ['no moment for a moment', '{ dated }', 'pl4nted'],
    ['one thing for a list', '{ listed }', { pl4nted: 1 }],
  ])('is masked when it gives %s', async (_name, query, outcome) => {
    const { result, lines } = await ask(query, { deps: { outcome: () => outcome } });
    expect(result.errors).toMatchObject([masked]);
    expect(JSON.stringify(result)).not.toContain('pl4nted');
    expect(lines).toHaveLength(1);
  });

  it('leaves the rest of the answer as it is', async () => {
    const { result } = await failing(new Error('x'), '{ told price { currency } }');
    expect(result.data).toEqual({ told: null, price: { currency: 'USD' } });
  });
});

describe('permission', () => {
  const mutation = 'mutation { write(id: "a") { id } }';

  it('is needed in full: FORBIDDEN names what is missing and nothing is done', async () => {
    const { result } = await ask(mutation, { scopes: ['billing:read'] });
    expect(result).toMatchObject({
      data: null,
      errors: [
        { message: 'This needs the permission sandbox:write.', extensions: { code: 'FORBIDDEN' } },
      ],
    });
    const none = await ask(mutation, { scopes: [] });
    expect(none.result.errors?.[0]?.message).toContain('sandbox:write and billing:read');
  });

  it('lets through who has it, and everybody where none is asked for', async () => {
    const { result } = await ask(mutation, { scopes: ['role:operator'] });
    expect(result.data).toEqual({ write: { id: 'a' } });
    expect((await ask('{ note(id: "a") { id } }', { scopes: [] })).result.errors).toBeUndefined();
  });
});

it('the same text is read once, and a thousand others do not stay', async () => {
  const { execute } = await notesEngine();
  for (let n = 0; n < 1_100; n += 1) {
    const result = await execute({ query: `{ a${String(n)}: whoami }` }, contextOf());
    expect(result.errors).toBeUndefined();
  }
  expect((await execute({ query: '{ a0: whoami }' }, contextOf())).errors).toBeUndefined();
});
