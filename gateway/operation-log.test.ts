import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { post, read, soon, within } from './fixtures/clients.ts';
import { startFixture } from './fixtures/gateway.ts';
import type { RunningFixture } from './fixtures/gateway.ts';

describe('the log of operations', () => {
  let fixture: RunningFixture;
  beforeAll(async () => {
    fixture = await startFixture('in-process');
  });
  afterAll(() => fixture.stop());
  const lines = () =>
    fixture.logged
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'operation');

  it('has one line of each: who asked what, whom that took to ask, and how it ended', async () => {
    const before = lines().length;
    await request(fixture.url, {
      method: 'POST',
      headers: {
        authorization: 'Bearer alice',
        'content-type': 'application/json',
        'x-request-id': 'the-request',
        'apollographql-client-name': 'shop',
      },
      body: JSON.stringify({ query: 'query Costs { jobs(first: 2) { id cost notes } }' }),
    }).then(({ body }) => body.dump());
    expect(lines().slice(before)).toEqual([
      expect.objectContaining({
        level: 30,
        requestId: 'the-request',
        tenant: 'acme',
        actor: 'user:alice',
        client: 'shop',
        kind: 'query',
        name: 'Costs',
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        calls: { jobs: 1, costs: 1, notes: 1 },
        failedCalls: 0,
        outcome: 'ok',
      }),
    ]);
    const [line] = lines().slice(before);
    expect(line?.['ms']).toBeGreaterThan(0);
    expect(line?.['actualCost']).toBeGreaterThan(0);
    expect(line?.['estimatedCost']).toBeGreaterThanOrEqual(Number(line?.['actualCost']));
  });

  it('tells the codes of errors, and which calls failed', async () => {
    fixture.state.down.add('costs');
    await post(fixture, { query: '{ job(id: "a") { cost } refused }' });
    fixture.state.down.clear();
    expect(lines().at(-1)).toMatchObject({
      outcome: 'errors',
      codes: expect.arrayContaining(['NOT_FOUND', 'SUBGRAPH_UNAVAILABLE']) as unknown,
      failedCalls: 1,
    });
  });

  it('has a line of what was refused before anything ran', async () => {
    await post(fixture, { query: '{ nothing }' });
    expect(lines().at(-1)).toMatchObject({ codes: ['GRAPHQL_VALIDATION_FAILED'], calls: {} });
  });

  it('has one line of a subscription when it is over', async () => {
    const query = 'subscription Watch { jobEvents(jobId: "ab", until: 3) { seq } }';
    await soon(read(fixture, 'graphql-ws', query).ended);
    expect(await within(1_000, () => lines().at(-1)?.['kind'] === 'subscription')).toBe(true);
    expect(lines().at(-1)).toMatchObject({
      ...{ kind: 'subscription', name: 'Watch', tenant: 'acme', actor: 'user:alice' },
      ...{ delivered: 3, lost: 0, outcome: 'ok' },
    });
  });

  it('has neither texts nor variables', async () => {
    const variables = { id: 'hunter2' };
    await post(fixture, { query: 'query ($id: ID!) { job(id: $id) { title } }', variables });
    expect(JSON.stringify(lines())).not.toMatch(/hunter2|title/);
  });
});
