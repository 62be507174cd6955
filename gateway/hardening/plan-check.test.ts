import { describe, expect, it } from '@jest/globals';
import type { PlanNode, QueryPlan } from '@apollo/query-planner';
import { parse } from 'graphql';
import { singleOperation } from './document.ts';
import { planCheck } from './plan-check.ts';

const fetched = (operation: string, more: object = {}): PlanNode => {
  const node: unknown = {
    kind: 'Fetch',
    serviceName: 'a',
    operation,
    operationKind: 'query',
    ...more,
  };
  return node as PlanNode;
};

function check(query: string, node?: PlanNode) {
  return () => {
    const single = singleOperation(parse(query), undefined);
    if (!single) throw new Error('no operation');
    const plan: QueryPlan = { kind: 'QueryPlan', ...(node ? { node } : {}) };
    planCheck()(plan, single.operation, single.fragments);
  };
}

describe('a plan', () => {
  it('that asks nobody is no plan for a field of the graph', () => {
    expect(check('{ a { b } }')).toThrow('No subgraph is asked for a');
    expect(check('{ ...F } fragment F on Query { ... { x: a { b } } }')).toThrow('asked for x');
  });

  it('that asks nobody will do where nobody has to be asked', () => {
    expect(check('{ __typename __schema { queryType { name } } }')).not.toThrow();
    expect(check('{ a @skip(if: true) { b } c @include(if: false) }')).not.toThrow();
  });

  it('asks for every root field, wherever in it', () => {
    const both: PlanNode = {
      kind: 'Sequence',
      nodes: [
        { kind: 'Parallel', nodes: [fetched('{ a { b } }')] },
        {
          kind: 'Condition',
          condition: 'v',
          ifClause: fetched('{ ... F } fragment F on Query { c }'),
        },
      ],
    };
    expect(check('query ($v: Boolean!) { a { b } c @include(if: $v) }', both)).not.toThrow();
    expect(check('{ a { b } c d }', both)).toThrow('asked for d');
    const below: PlanNode = { kind: 'Flatten', path: ['a'], node: fetched('{ d }') };
    expect(check('{ d }', below)).toThrow('asked for d');
  });

  it('passes no values that the stock executor would leave out', () => {
    const rewrites = { contextRewrites: [{ kind: 'KeyRenamer', path: ['x'], renameKeyTo: 'y' }] };
    const node: PlanNode = { kind: 'Flatten', path: [], node: fetched('{ a }', rewrites) };
    expect(check('{ a }', { kind: 'Sequence', nodes: [fetched('{ a }'), node] })).toThrow(
      '@fromContext',
    );
  });
});
