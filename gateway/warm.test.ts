import { beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { admission } from './limits/admission.ts';
import { createExecutor } from './executor/executor.ts';
import { composeFixture } from './fixtures/subgraphs.ts';
import { hardening } from './hardening/hardening.ts';
import { defaultLimits as limits } from './limits/limits.ts';
import { noOperations } from './operations/operation-list.ts';
import { persistedOperations } from './operations/persisted.ts';
import { operations as prepareOperations } from './operations/operation.ts';
import type { Operations } from './operations/operation.ts';
import type { ServedGraph } from './served-graphs.ts';
import { createPlanner } from './supergraph/planner.ts';
import { loadSupergraph } from './supergraph/supergraph.ts';
import { warm } from './warm.ts';

describe('a graph that is going to be served', () => {
  const loaded = loadSupergraph(composeFixture());
  const planner = createPlanner(loaded);
  let planned = 0;
  let operations: Operations;
  let graph: ServedGraph;

  beforeEach(async () => {
    planned = 0;
    await start([]);
    const plan: typeof planner.plan = (...given) => {
      planned += 1;
      return planner.plan(...given);
    };
    const executor = createExecutor({ ...loaded, plan, subgraphs: new Map() });
    graph = { loaded, executor, hardening: hardening(loaded), clients: new Map() };
  });

  const start = async (listed: readonly string[]) => {
    const persisted = await persistedOperations({
      ...{ mode: 'off', manifest: undefined, log: pino({ level: 'silent' }) },
      unlisted: () => undefined,
    });
    operations = prepareOperations({
      ...{ limits, admission: admission({ limits }), introspection: true },
      persisted: {
        ...persisted,
        list: { ...persisted.list, current: { ...noOperations, bodies: listed } },
      },
    });
  };
  const read = (query: string, operationName?: string) =>
    operations.prepare(
      { query, operationName, variables: undefined, persisted: undefined },
      undefined,
    );
  const ask = (query: string, variables: Record<string, unknown> = {}) => {
    const { document, operationName } = read(query);
    const identity = undefined;
    const hardened = graph.hardening.harden({ document, operationName, variables, identity });
    graph.executor.prepare({ ...hardened, operationName: undefined });
  };

  it('has plans for what was asked lately, so nobody waits for them', async () => {
    const queries = [
      '{ job(id: "a") { id cost } }',
      'query ($notes: Boolean!) { job(id: "a") { id notes @include(if: $notes) } }',
    ] as const;
    for (const query of queries) read(query);
    await warm(graph, operations, 10_000);
    expect(planned).toBe(3);
    ask(queries[0]);
    ask(queries[1], { notes: true });
    ask(queries[1], { notes: false });
    expect(planned).toBe(3);
  });

  it('leaves out what is not valid any more', async () => {
    read('{ gone }');
    read('{ job(id: "a") { id } }');
    await warm(graph, operations, 10_000);
    expect(planned).toBe(1);
  });

  it('has plans for the list of operations before anybody sends one', async () => {
    await start(['{ job(id: "a") { id cost } }', '{ job(id: "b") { notes } }', '{ gone }', '{ "']);
    await warm(graph, operations, 10_000);
    expect(planned).toBe(2);
    ask('{ job(id: "b") { notes } }');
    expect(planned).toBe(2);
  });

  it('is served in time, however much there is to plan', async () => {
    await start(['{ job(id: "a") { id cost } }', '{ job(id: "b") { notes } }']);
    await warm(graph, operations, -1);
    expect(planned).toBe(0);
  });

  it('leaves out documents of which nobody knows which operation will be asked', async () => {
    read('query A { job(id: "a") { id } } query B { job(id: "b") { id } }', 'A');
    await warm(graph, operations, 10_000);
    expect(planned).toBe(0);
  });

  it('lets others have their turn between two plans', async () => {
    for (let index = 0; index < 20; index += 1) {
      read(`{ job(id: "a") { n${String(index)}: id } }`);
    }
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 0);
    await warm(graph, operations, 10_000);
    clearInterval(turning);
    expect(turns).toBeGreaterThan(5);
  });
});
