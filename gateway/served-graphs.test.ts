import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { post } from './fixtures/clients.ts';
import { startFixture } from './fixtures/gateway.ts';
import type { RunningFixture } from './fixtures/gateway.ts';
import { pushedSupergraph } from './fixtures/pushed-supergraph.ts';
import { composeFixture } from './fixtures/subgraphs.ts';

/** The fixture's graph, in which jobs have lost their notes. */
const smaller = composeFixture().replace(/^ {2}notes: .*\n/m, '');

describe('a supergraph that comes while another is served', () => {
  const registry = new Registry();
  const source = pushedSupergraph(composeFixture());
  let fixture: RunningFixture;
  const start = async () => {
    registry.clear();
    fixture = await startFixture('in-process', { supergraph: source, registry });
  };
  afterEach(() => fixture.stop());
  const reloads = async (outcome: string) =>
    (await registry.getSingleMetric('forge_gateway_supergraph_reloads_total')?.get())?.values.find(
      ({ labels }) => labels['outcome'] === outcome,
    )?.value ?? 0;
  const served = async (outcome: 'served' | 'refused') => {
    const before = await reloads(outcome);
    return async () => {
      const until = Date.now() + 5_000;
      while ((await reloads(outcome)) === before && Date.now() < until) await wait(5);
      expect(await reloads(outcome)).toBe(before + 1);
    };
  };
  const notes = { query: '{ job(id: "ab") { id notes } }' };

  it('is served in its place: what it lacks is not there, what is left is', async () => {
    await start();
    expect((await post(fixture, notes)).body.data).toEqual({
      job: { id: 'ab', notes: ['note of ab'] },
    });
    const came = await served('served');
    source.push(smaller);
    await came();
    expect((await post(fixture, notes)).body.errors?.[0]).toMatchObject({
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
    });
    expect((await post(fixture, { query: '{ job(id: "ab") { cost } }' })).body.data).toEqual({
      job: { cost: 200 },
    });
    const back = await served('served');
    source.push(composeFixture());
    await back();
    expect((await post(fixture, notes)).body.data).toMatchObject({ job: { id: 'ab' } });
  });

  it.each([
    ['no GraphQL', 'type Query {'],
    ['no supergraph', 'type Query { a: Int }'],
    ['one with a subgraph that nobody serves', composeFixture().replaceAll('"notes"', '"other"')],
  ])('is refused when it is %s; the last one goes on', async (_what, bad) => {
    await start();
    const came = await served('refused');
    source.push(bad);
    await came();
    expect((await post(fixture, notes)).body.data).toMatchObject({ job: { id: 'ab' } });
    expect(fixture.logged.some((line) => line.includes('was refused'))).toBe(true);
  });

  it('leaves no request without its answer, whichever of the two it meets', async () => {
    await start();
    let asking = true;
    const answers: (readonly string[])[] = [];
    const ask = async () => {
      while (asking) {
        const { body } = await post(fixture, notes);
        const told = body.errors?.map(({ extensions }) => String(extensions?.['code'])) ?? [];
        answers.push(body.data ? ['data', ...told] : told);
      }
    };
    const asked = Promise.all([ask(), ask(), ask(), ask()]);
    for (let turn = 0; turn < 10; turn += 1) {
      const came = await served('served');
      source.push(turn % 2 === 0 ? smaller : composeFixture());
      await came();
      await wait(50);
    }
    asking = false;
    await asked;
    const kinds = new Set(answers.map((kinds) => kinds.join(' ')));
    expect([...kinds].sort()).toEqual(['GRAPHQL_VALIDATION_FAILED', 'data']);
  }, 30_000);
});
