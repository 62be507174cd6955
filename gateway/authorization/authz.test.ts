import { describe, expect, it } from '@jest/globals';
import { callerWith, graphOf } from '../hardening/fixtures/graph.ts';
import type { Graph } from '../hardening/fixtures/graph.ts';
import type { HardeningOptions } from '../hardening/hardening.ts';

const people = {
  sdl: `
    type Query { me: User users: [User!]! sure: User! found: [Found] thing: Thing things: [Thing!] level: Level }
    type Mutation { rename(name: String): User @requiresScopes(scopes: [["write"]]) touch: User }
    type Subscription { changed: User @requiresScopes(scopes: [["read", "live"], ["admin"]]) }
    union Found = User | Vault
    interface Thing { id: ID! label: String owner: User }
    type Vault implements Thing @key(fields: "id") @requiresScopes(scopes: [["vault"]]) {
      id: ID! label: String owner: User inside: String
    }
    type Box implements Thing @key(fields: "id") {
      id: ID! label: String @policy(policies: [["open"]]) owner: User
    }
    enum Level @authenticated { LOW HIGH }
    type User @key(fields: "id") {
      id: ID!
      name: String
      email: String @requiresScopes(scopes: [["mail", "read"], ["admin"]])
      salary: Int! @requiresScopes(scopes: [["pay"]])
      card: Card
      age: Int @policy(policies: [["adult"]])
      seen: String @authenticated
      level: Level
      none: String @requiresScopes(scopes: [[]])
    }
    type Card @authenticated { number: String owner: User }
  `,
  resolvers: {
    Query: {
      me: () => user,
      sure: () => user,
      users: () => [user, user],
      found: () => [{ __typename: 'User', ...user }, vault, null],
      thing: () => vault,
      things: () => [vault, { __typename: 'Box', id: 'b', label: 'box', owner: user }],
      level: () => 'LOW',
    },
    Mutation: {
      rename: () => {
        renamed += 1;
        return user;
      },
      touch: () => user,
    },
  },
};
let renamed = 0;
const user = {
  id: 'u',
  name: 'Ada',
  email: 'ada@example.com',
  salary: 7,
  card: { number: '1234' },
  age: 30,
  seen: 'today',
  level: 'HIGH',
  none: 'none',
};
const vault = { __typename: 'Vault', id: 'v', label: 'vault', owner: user, inside: 'gold' };
const pay = {
  sdl: `type User @key(fields: "id") { id: ID! bonus: Int @authenticated }`,
  resolvers: { User: { bonus: () => 5, __resolveReference: (one: object) => one } },
};
const graph = (options: HardeningOptions = {}): Graph => graphOf({ people, pay }, options);
const forbidden = { extensions: { code: 'FORBIDDEN' } };
/** Whether what a subgraph was asked contains a field. */
const asksFor = ({ asked }: Graph, field: string) =>
  asked.some(({ query }) => new RegExp(`\\b${field}\\b`).test(query));

describe('a field that the caller may not read', () => {
  const cases: readonly (readonly [name: string, query: string, data: unknown])[] = [
    ['by itself', '{ me { id email name } }', { me: { id: 'u', email: null, name: 'Ada' } }],
    ['under an alias', '{ me { mine: email } }', { me: { mine: null } }],
    ['under the alias of a key', '{ me { id: email } }', { me: { id: null } }],
    ['in a fragment', '{ me { ...F } } fragment F on User { email }', { me: { email: null } }],
    [
      'in fragments of fragments',
      '{ me { ...F } } fragment F on User { ...G } fragment G on User { email id }',
      { me: { email: null, id: 'u' } },
    ],
    ['in an inline fragment', '{ me { ... on User { ... { email } } } }', { me: { email: null } }],
    [
      'in a list',
      '{ users { email id } }',
      {
        users: [
          { email: null, id: 'u' },
          { email: null, id: 'u' },
        ],
      },
    ],
    ['twice', '{ me { email email ...F } } fragment F on User { email }', { me: { email: null } }],
    [
      'in a union',
      '{ found { ... on User { email id } } }',
      { found: [{ email: null, id: 'u' }, null, null] },
    ],
    ['under @include', '{ me { email @include(if: true) id } }', { me: { email: null, id: 'u' } }],
    [
      'that gives a protected type',
      '{ me { card { number } id } }',
      { me: { card: null, id: 'u' } },
    ],
    ['that gives a protected enum', '{ me { level } level }', { me: { level: null }, level: null }],
    ['behind a policy that nobody decides', '{ me { age } }', { me: { age: null } }],
    ['of another subgraph', '{ me { bonus id } }', { me: { bonus: null, id: 'u' } }],
    ['whose rule cannot be satisfied', '{ me { none } }', { me: { none: null } }],
    [
      'on the root',
      'mutation { rename(name: "x") { id } touch { id } }',
      { rename: null, touch: { id: 'u' } },
    ],
  ];
  it.each(cases)('is null and is asked of nobody: %s', async (_name, query, data) => {
    const asked = graph();
    const result = await asked.ask(query);
    expect(result.data).toEqual(data);
    expect(result.errors?.length).toBeGreaterThan(0);
    for (const error of result.errors ?? []) {
      expect(error.extensions['code']).toBe('UNAUTHENTICATED');
      expect(error.path?.length).toBeGreaterThan(0);
    }
    for (const field of ['email', 'number', 'age', 'bonus', 'none', 'rename', 'level']) {
      expect(asksFor(asked, field)).toBe(false);
    }
  });

  it('has an error at each place where it would stand', async () => {
    const { errors } = await graph().ask('{ users { mine: email } }', { identity: callerWith() });
    expect(errors).toMatchObject([
      { ...forbidden, path: ['users', 0, 'mine'] },
      { ...forbidden, path: ['users', 1, 'mine'] },
    ]);
  });

  it('takes its parents along as far as they may not be null', async () => {
    expect((await graph().ask('{ me { id salary } }')).data).toEqual({ me: null });
    expect((await graph().ask('{ me { id } users { salary } }')).data).toBeNull();
    const { data, errors } = await graph().ask('{ sure { salary } }');
    expect(data).toBeNull();
    expect(errors).toMatchObject([{ path: ['sure', 'salary'] }]);
  });

  it('stands for nothing where it is skipped', async () => {
    const result = await graph().ask(
      'query ($no: Boolean!) { me { id email @include(if: $no) } }',
      {
        variables: { no: false },
      },
    );
    expect(result).toEqual({ data: { me: { id: 'u' } } });
  });

  it('does not keep the rest in any other order than was asked for', async () => {
    const { data } = await graph().ask('{ me { name email id age seen } }');
    expect(Object.keys(data?.['me'] ?? {})).toEqual(['name', 'email', 'id', 'age', 'seen']);
  });

  it('runs no mutation', async () => {
    renamed = 0;
    await graph().ask('mutation { rename(name: "x") { id } }', { identity: callerWith('read') });
    expect(renamed).toBe(0);
  });

  it('refuses the whole operation where that is configured', async () => {
    const strict = graph({ onRejection: 'refuse' });
    await expect(strict.ask('{ me { id email } }')).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    await expect(
      strict.ask('{ me { id email } }', { identity: callerWith('read') }),
    ).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(strict.asked).toEqual([]);
    expect((await strict.ask('{ me { id } }')).data).toEqual({ me: { id: 'u' } });
    // Of a document's operations only the one that is run counts.
    const two = 'query A { me { id } } query B { me { email } }';
    expect((await strict.ask(two, { operationName: 'A' })).errors).toBeUndefined();
  });
});

describe('scopes', () => {
  it.each([
    [['mail', 'read'], 'ada@example.com'],
    [['admin'], 'ada@example.com'],
    [['mail'], null],
    [['read'], null],
    [['mail read'], null],
    [['ADMIN'], null],
    [['*'], null],
    [[], null],
  ])('are alternatives of sets: %j', async (scopes, email) => {
    const { data } = await graph().ask('{ me { email } }', { identity: callerWith(...scopes) });
    expect(data).toEqual({ me: { email } });
  });

  it('of one caller are not those of the next, for the same document', async () => {
    const shared = graph();
    const query = '{ me { email } }';
    const ask = async (...scopes: string[]) =>
      (await shared.ask(query, { identity: callerWith(...scopes) })).data?.['me'];
    expect(await ask('admin')).toEqual({ email: 'ada@example.com' });
    expect(await ask('read')).toEqual({ email: null });
    expect(await ask('mail', 'read')).toEqual({ email: 'ada@example.com' });
  });

  it('may come from elsewhere than the token', async () => {
    const byRole = graph({
      authority: {
        scopesOf: ({ scopes }) => (scopes.includes('role:boss') ? ['admin'] : []),
        satisfies: (policy, { actor }) => policy === 'adult' && actor.id === 'alice',
      },
    });
    const { data } = await byRole.ask('{ me { email age } }', {
      identity: callerWith('role:boss'),
    });
    expect(data).toEqual({ me: { email: 'ada@example.com', age: 30 } });
    const other = await byRole.ask('{ me { email } }', { identity: callerWith('admin') });
    expect(other.data).toEqual({ me: { email: null } });
  });

  it('open a stream only when they reach its root field', async () => {
    const subscription = 'subscription { changed { id } }';
    await expect(graph().ask(subscription)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(graph().ask(subscription, { identity: callerWith('read') })).rejects.toMatchObject(
      { code: 'FORBIDDEN' },
    );
    await expect(
      graph().ask('subscription { ... on Subscription { changed { id } } }', {
        identity: callerWith('live'),
      }),
    ).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('interfaces and unions', () => {
  it('give a field of an interface only to who may read it on every type', async () => {
    const query = '{ things { id } }';
    expect((await graph().ask(query)).data).toEqual({ things: null });
    const { data } = await graph().ask(query, { identity: callerWith('vault') });
    expect(data).toEqual({ things: [{ id: 'v' }, { id: 'b' }] });
    const label = await graph().ask('{ thing { label } }', { identity: callerWith('vault') });
    expect(label.data).toEqual({ thing: { label: null } });
  });

  it.each([
    '{ thing { ... on Thing { id } } }',
    '{ thing { ...F } } fragment F on Thing { id }',
    '{ thing { ... on Vault { id } } }',
    '{ thing { __typename } }',
    '{ thing { kind: __typename } }',
    '{ thing { ... on Box { id } } }',
    '{ thing { ... on Vault { owner { id } } } }',
  ])('hide an object of a type that the caller may not see: %s', async (query) => {
    const { data, errors } = await graph().ask(query, { identity: callerWith('read') });
    expect(data).toEqual({ thing: null });
    expect(errors?.length).toBeGreaterThan(0);
  });

  it('hide such objects one by one, wherever the others can stand', async () => {
    const { data, errors } = await graph().ask(
      '{ found { __typename ... on User { id } ... on Vault { inside } } }',
      { identity: callerWith() },
    );
    expect(data).toEqual({ found: [{ __typename: 'User', id: 'u' }, null, null] });
    expect(errors).toMatchObject([{ ...forbidden, path: ['found', 1] }]);
  });

  it('show them to who may see them', async () => {
    const { data, errors } = await graph().ask(
      '{ found { __typename ... on User { id } ... on Vault { inside } } }',
      { identity: callerWith('vault') },
    );
    expect(errors).toBeUndefined();
    expect(data?.['found']).toEqual([
      { __typename: 'User', id: 'u' },
      { __typename: 'Vault', inside: 'gold' },
      null,
    ]);
  });
});

describe('introspection', () => {
  it('shows the schema to everybody, and no values', async () => {
    const { data, errors } = await graph().ask(
      '{ __typename __type(name: "User") { name fields { id: name } } me { __typename } }',
    );
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({ __typename: 'Query', me: { __typename: 'User' } });
    expect(JSON.stringify(data)).toContain('"id":"salary"');
  });
});
