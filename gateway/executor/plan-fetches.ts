import type { FetchNode, PlanNode, SubscriptionNode } from '@apollo/query-planner';
import type { Step } from './paths.ts';
import { keysOf, onOneLine, stepsOf, textOf } from './paths.ts';

/** A plan holds something that this executor does not know how to run. */
export class UnsupportedPlan extends Error {}

/** One fetch of a plan, taken out of its nesting. */
export interface PlannedFetch {
  readonly node: FetchNode;
  readonly steps: readonly Step[];
  readonly keys: readonly string[];
  /** The place, as a text. */
  readonly text: string;
  /** The fetches, by their places in the list, whose answers it needs. */
  readonly after: readonly number[];
}

/**
 * Takes the fetches out of a plan, each with those it has to wait for.
 *
 * The fields of a mutation happen one after the other. In a query a fetch waits
 * only for what can reach its objects, or what they are represented by: fetches
 * above, at and below its own place. The first fetch of a subscription is the
 * one that its events stand for.
 */
export function plannedFetches(
  plan: PlanNode | SubscriptionNode,
  isMutation: boolean,
): PlannedFetch[] {
  const fetches: PlannedFetch[] = [];

  const visit = (
    node: PlanNode | SubscriptionNode,
    steps: readonly Step[],
    before: readonly number[],
  ): number[] => {
    switch (node.kind) {
      case 'Sequence': {
        const done: number[] = [];
        for (const inner of node.nodes) {
          done.push(...visit(inner, steps, [...before, ...done]));
        }
        return done;
      }
      case 'Subscription': {
        const done = visit(node.primary, steps, before);
        return node.rest ? [...done, ...visit(node.rest, steps, [...before, ...done])] : done;
      }
      case 'Parallel':
        return node.nodes.flatMap((inner) => visit(inner, steps, before));
      case 'Flatten':
        return visit(node.node, [...steps, ...stepsOf(node.path)], before);
      case 'Fetch': {
        const keys = keysOf(steps);
        const text = textOf(steps);
        const after = before.filter(
          (place) => isMutation || onOneLine(fetches[place]?.keys ?? [], keys),
        );
        return [fetches.push({ node: supported(node), steps, keys, text, after }) - 1];
      }
      case 'Condition':
        throw new UnsupportedPlan('The plan has a condition that was to be decided before');
      case 'Defer':
        throw new UnsupportedPlan('The plan defers a part of the answer');
    }
  };
  visit(plan, [], []);
  return fetches;
}

function supported(node: FetchNode): FetchNode {
  if (node.contextRewrites && node.contextRewrites.length > 0) {
    throw new UnsupportedPlan('The plan passes values by @fromContext');
  }
  return node;
}

/**
 * Gives each fetch the round in which it is made, as early as possible.
 *
 * A fetch that nobody waits for is put off until the same subgraph is asked
 * about the same objects again, because both then share a request.
 */
export function roundsOf(fetches: readonly PlannedFetch[], isMutation: boolean): number[] {
  const rounds: number[] = [];
  for (const { after } of fetches) {
    rounds.push(1 + Math.max(-1, ...after.map((place) => rounds[place] ?? 0)));
  }
  if (isMutation) return rounds;
  const awaited = new Set(fetches.flatMap(({ after }) => after));
  return rounds.map((round, place) => {
    const fetch = fetches[place];
    if (!fetch?.node.requires || awaited.has(place)) return round;
    const later = rounds.filter((other, at) => other > round && isAtSamePlace(fetches[at], fetch));
    return later.length > 0 ? Math.min(...later) : round;
  });
}

function isAtSamePlace(some: PlannedFetch | undefined, other: PlannedFetch): boolean {
  return (
    some?.node.requires !== undefined &&
    some.node.serviceName === other.node.serviceName &&
    some.keys.length === other.keys.length &&
    onOneLine(some.keys, other.keys)
  );
}
