import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildSchema, GraphQLError, parse, print } from 'graphql';
import { post, read, soon } from '../fixtures/clients.ts';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';
import { aliasHardening } from './aliases.ts';

describe('a client that aliases fields', () => {
  let fixture: RunningFixture;
  beforeAll(async () => {
    fixture = await startFixture('in-process');
  });
  afterAll(() => fixture.stop());

  const cases = [
    [
      'a key by an argument',
      'id: label(text: "victim") graded',
      { id: 'victim', graded: 'mine/4' },
    ],
    ['a key by another field', 'id: title graded', { id: 'first', graded: 'mine/4' }],
    ['a required input', 'grade: echo(value: 999) graded', { grade: 999, graded: 'mine/4' }],
    [
      'the type name',
      '__typename: label(text: "User") graded',
      { __typename: 'User', graded: 'mine/4' },
    ],
    [
      'a key inside a fragment',
      '...F } } fragment F on Job { id: label(text: "victim") graded x: id ... on Job { cpu: grade',
      { id: 'victim', graded: 'mine/4', x: 'mine', cpu: 4 },
    ],
  ] as const;

  it.each(cases)(
    'cannot replace %s that another subgraph is asked with',
    async (_name, selection, expected) => {
      fixture.state.requests.length = 0;
      const { body } = await post(fixture, { query: `{ job(id: "mine") { ${selection} } }` });
      expect(body).toEqual({ data: { job: expected } });
      for (const { request } of fixture.state.requests) {
        expect(JSON.stringify(request.variables ?? {})).not.toMatch(
          /victim"?,|999|"id":"(victim|first)"/,
        );
      }
    },
  );

  it('cannot do it in a subscription either', async () => {
    const reading = read(
      fixture,
      'graphql-sse',
      `subscription { job: jobEvents(jobId: "mine", until: 1) { id: job { id: label(text: "victim") graded } } }`,
    );
    await soon(reading.ended);
    expect(reading.results).toEqual([
      { data: { job: { id: { id: 'victim', graded: 'mine/4' } } } },
    ]);
  });

  it('reads errors at its own names', async () => {
    const { body } = await post(fixture, { query: '{ title: jobs(first: 2) { id: mustHave } }' });
    expect(body.errors?.[0]?.path).toEqual(['title', 0, 'id']);
  });
});

describe('aliasHardening', () => {
  const schema = buildSchema(`
    scalar JSON
    interface Node { id: ID! }
    type A implements Node { id: ID! name: String json: JSON inner: A list: [[A]] forgeAlias_odd: Int }
    type B implements Node { id: ID! size: Int }
    type Query { node: Node a: A }
  `);
  const harden = aliasHardening(schema);
  const ok = (data: Record<string, unknown>) => ({ data });

  it('leaves a document without such aliases as it is', () => {
    const document = parse('{ mine: a { id title: name } }');
    expect(harden(document).document).toBe(document);
  });

  it('renames by the alias alone, so that fields which merge still merge', () => {
    const text =
      '{ node { ... on A { size: name } ... on Node { size: id } ...F } } fragment F on B { id: size }';
    const { document } = harden(parse(text));
    expect(print(document).match(/forgeAlias_size/g)).toHaveLength(2);
    expect(print(document)).toContain('forgeAlias_id: size');
  });

  it('keeps names apart that look like its own', () => {
    const { document, restore } = harden(
      parse('{ a { forgeAlias_id: name id: name forgeAlias_odd } }'),
    );
    const text = print(document);
    expect(text).toContain('forgeAlias_forgeAlias_id: name');
    expect(text).toContain('forgeAlias_forgeAlias_odd: forgeAlias_odd');
    const data = {
      a: { forgeAlias_forgeAlias_id: 'n', forgeAlias_id: 'n', forgeAlias_forgeAlias_odd: 1 },
    };
    expect(restore(ok(data), undefined)).toEqual(
      ok({ a: { forgeAlias_id: 'n', id: 'n', forgeAlias_odd: 1 } }),
    );
  });

  it('restores lists in lists and leaves the inside of scalars alone', () => {
    const { restore } = harden(parse('{ a { list { id: name } name: json } }'));
    const inside = { forgeAlias_id: 'stays' };
    const data = { a: { list: [[{ forgeAlias_id: 'x' }, null], null], forgeAlias_name: inside } };
    expect(restore(ok(data), undefined)).toEqual(
      ok({ a: { list: [[{ id: 'x' }, null], null], name: inside } }),
    );
  });

  it('restores the paths of errors', () => {
    const { restore } = harden(
      parse('query Q { id: a { list { id: name } } } query R { a { id } }'),
    );
    const error = new GraphQLError('no', {
      path: ['forgeAlias_id', 'list', 0, 1, 'forgeAlias_id'],
    });
    const { errors } = restore({ errors: [error] }, 'Q');
    expect(errors?.[0]?.path).toEqual(['id', 'list', 0, 1, 'id']);
  });
});
