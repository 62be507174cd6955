import { ApolloServer, HeaderMap } from '@apollo/server';
import { buildASTSchema, parse } from 'graphql';
import { describe, expect, it } from '@jest/globals';
import { singleOperation } from '../hardening/document.ts';
import { cacheHints } from './cache-hints.ts';
import { cacheControlSdl } from './fixtures/shop.ts';
import { staticPolicy } from './static-policy.ts';

const sdl = `${cacheControlSdl}
  type Query {
    bare: Int
    aged: Int @cacheControl(maxAge: 50)
    item: Item @cacheControl(maxAge: 40)
    unsaid: Item
    typed: Typed
    shorter: Typed @cacheControl(maxAge: 5)
    own: Own
    inheriting: Inheriting
    aging: Inheriting @cacheControl(maxAge: 70)
    node: Node @cacheControl(maxAge: 80)
    any: Any @cacheControl(maxAge: 90)
    private: Int @cacheControl(maxAge: 30, scope: PRIVATE)
  }
  interface Node { id: ID }
  type Item implements Node { id: ID name: String @cacheControl(maxAge: 20) inner: Item sub: Item @cacheControl(inheritMaxAge: true) secret: Int @cacheControl(scope: PRIVATE) }
  type Typed implements Node @cacheControl(maxAge: 60) { id: ID self: Typed item: Item @cacheControl(inheritMaxAge: true) }
  type Own @cacheControl(maxAge: 10, scope: PRIVATE) { id: ID }
  type Inheriting @cacheControl(inheritMaxAge: true) { id: ID self: Inheriting }
  union Any = Item | Typed
`;

const one: object = {};
const resolvers = {
  ...Object.fromEntries(
    ['Query', 'Item', 'Typed', 'Own', 'Inheriting'].map((type) => [
      type,
      Object.fromEntries(
        [
          'item',
          'unsaid',
          'typed',
          'shorter',
          'own',
          'inheriting',
          'aging',
          'node',
          'any',
          'inner',
          'sub',
          'self',
        ]
          .filter((field) => new RegExp(`type ${type}\\b[^}]*\\b${field}:`).test(sdl))
          .map((field) => [field, () => one]),
      ),
    ]),
  ),
  Node: { __resolveType: () => 'Item' },
  Any: { __resolveType: () => 'Item' },
};

describe('how long an answer may be kept', () => {
  const ast = parse(sdl);
  const schema = buildASTSchema(ast);
  const hints = cacheHints(ast);

  it.each([
    '{ aged }',
    '{ bare }',
    '{ bare aged }',
    '{ item { id } }',
    '{ item { id name } }',
    '{ item { inner { id } } }',
    '{ item { sub { id } } }',
    '{ item { secret } }',
    '{ unsaid { id } }',
    '{ typed { id } }',
    '{ typed { self { id } } }',
    '{ typed { item { id name } } }',
    '{ shorter { id } }',
    '{ shorter { self { id } } }',
    '{ own { id } aged }',
    '{ inheriting { id } }',
    '{ aging { id self { self { id } } } }',
    '{ node { id } }',
    '{ node { ... on Item { name } } }',
    '{ any { ... on Item { id name } } }',
    '{ any { __typename } }',
    '{ private aged }',
    '{ ...F } fragment F on Query { aged item { ...G } } fragment G on Item { name }',
  ])('is what Apollo Server says: %s', async (query) => {
    const server = new ApolloServer({ typeDefs: sdl, resolvers, introspection: true });
    server.startInBackgroundHandlingStartupErrorsByLoggingAndFailingAllRequests();
    const { headers } = await server.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: 'POST',
        headers: new HeaderMap([['content-type', 'application/json']]),
        search: '',
        body: { query },
      },
      context: () => Promise.resolve({}),
    });
    await server.stop();
    const single = singleOperation(parse(query), undefined);
    const policy = single && hints && staticPolicy(schema, hints, single);
    const header = policy
      ? `max-age=${String(policy.maxAge)}, ${policy.isPrivate ? 'private' : 'public'}`
      : 'no-store';
    expect(header).toBe(headers.get('cache-control'));
  });

  it('is nothing for what tells of the graph itself', () => {
    const single = singleOperation(parse('{ __schema { queryType { name } } aged }'), undefined);
    expect(single && hints && staticPolicy(schema, hints, single)).toBeUndefined();
  });

  it('is as strict as in any object of an interface, whichever comes', () => {
    const strict = parse(`${cacheControlSdl}
      type Query { node: Node @cacheControl(maxAge: 80) }
      interface Node { id: ID }
      type A implements Node { id: ID @cacheControl(maxAge: 3) }
      type B implements Node { id: ID @cacheControl(scope: PRIVATE) }`);
    const single = singleOperation(parse('{ node { id } }'), undefined);
    const read = cacheHints(strict);
    expect(single && read && staticPolicy(buildASTSchema(strict), read, single)).toEqual({
      maxAge: 3,
      isPrivate: true,
    });
  });
});
