import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post, read, soon } from '../fixtures/clients.ts';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';

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
