import { beforeEach, describe, expect, it } from '@jest/globals';
import { admission } from './limits/admission.ts';
import { createExecutor } from './executor/executor.ts';
import { composeFixture } from './fixtures/subgraphs.ts';
import { hardening } from './hardening/hardening.ts';
import { defaultLimits as limits } from './limits/limits.ts';
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

  beforeEach(() => {
    planned = 0;
    operations = prepareOperations({
      ...{ limits, admission: admission({ limits }), introspection: true },
    });
    const plan: typeof planner.plan = (...given) => {
      planned += 1;
      return planner.plan(...given);
    };
    const executor = createExecutor({ ...loaded, plan, subgraphs: new Map() });
    graph = { loaded, executor, hardening: hardening(loaded), clients: new Map() };
  });

  const ask = (query: string, variables: Record<string, unknown> = {}) => {
    const { document, operationName } = operations.prepare(query, undefined, undefined);
    const identity = undefined;
    const hardened = graph.hardening.harden({ document, operationName, variables, identity });
    graph.executor.prepare({ ...hardened, operationName: undefined });
  };

  it('has plans for what was asked lately, so nobody waits for them', async () => {
    const queries = [
      '{ job(id: "a") { id cost } }',
      'query ($notes: Boolean!) { job(id: "a") { id notes @include(if: $notes) } }',
    ] as const;
    for (const query of queries) operations.prepare(query, undefined, undefined);
    await warm(graph, operations);
    expect(planned).toBe(3);
    ask(queries[0]);
    ask(queries[1], { notes: true });
    ask(queries[1], { notes: false });
    expect(planned).toBe(3);
  });

  it('leaves out what is not valid any more', async () => {
    operations.prepare('{ gone }', undefined, undefined);
    operations.prepare('{ job(id: "a") { id } }', undefined, undefined);
    await warm(graph, operations);
    expect(planned).toBe(1);
  });

  it('lets others have their turn between two plans', async () => {
    for (let index = 0; index < 20; index += 1) {
      operations.prepare(`{ job(id: "a") { n${String(index)}: id } }`, undefined, undefined);
    }
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 0);
    await warm(graph, operations);
    clearInterval(turning);
    expect(turns).toBeGreaterThan(5);
  });
});
