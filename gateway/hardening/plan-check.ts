import type { PlanNode, QueryPlan, SubscriptionNode } from '@apollo/query-planner';
import type { FieldNode, FragmentDefinitionNode, OperationDefinitionNode } from 'graphql';
import { Kind, parse } from 'graphql';
import { singleOperation } from './document.ts';
import { byResponseKey } from './shape.ts';

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/**
 * Throws when a plan would be answered wrongly without a word: when it leaves a
 * root field of its operation unasked, or passes values by `@fromContext`, which
 * the stock executor leaves out. A plan is checked once.
 */
export function planCheck(): (
  plan: QueryPlan,
  operation: OperationDefinitionNode,
  fragments: Fragments,
) => void {
  const checked = new WeakSet<QueryPlan>();
  return (plan, operation, fragments) => {
    if (checked.has(plan)) return;
    if (plan.node && passesContext(plan.node)) {
      throw new Error('The plan passes values by @fromContext, which cannot be run here');
    }
    const missing = unplannedRootFields(plan, operation, fragments);
    if (missing.length > 0) {
      throw new Error(`No subgraph is asked for ${missing.join(', ')}: the planner left it out`);
    }
    checked.add(plan);
  };
}

/**
 * The response keys of an operation's root that no fetch of its plan asks for.
 *
 * The planner gives up on some fields by leaving them out, and the client would
 * read null without an error. Every plan is held against its operation once.
 */
function unplannedRootFields(
  { node }: QueryPlan,
  operation: OperationDefinitionNode,
  fragments: Fragments,
): readonly string[] {
  const planned = new Set<string>();
  if (node) addRootKeys(node, planned);
  const wanted = byResponseKey([operation.selectionSet], { fragments });
  return [...wanted]
    .filter(([key, fields]) => !planned.has(key) && fields.some(isFetched))
    .map(([key]) => key);
}

function isFetched({ name, directives = [] }: FieldNode): boolean {
  if (name.value.startsWith('__')) return false;
  return !directives.some(({ name: { value: directive }, arguments: given = [] }) => {
    const condition = given[0]?.value;
    if (condition?.kind !== Kind.BOOLEAN) return false;
    return directive === (condition.value ? 'skip' : 'include');
  });
}

function passesContext(node: PlanNode | SubscriptionNode): boolean {
  switch (node.kind) {
    case 'Fetch':
      return (node.contextRewrites ?? []).length > 0;
    case 'Flatten':
      return passesContext(node.node);
    case 'Sequence':
    case 'Parallel':
      return node.nodes.some(passesContext);
    case 'Condition':
      return [node.ifClause, node.elseClause].some((inner) => inner && passesContext(inner));
    case 'Subscription':
      return passesContext(node.primary) || (node.rest !== undefined && passesContext(node.rest));
    default:
      return false;
  }
}

/** Fetches that follow a path complete what others found; they find nothing by themselves. */
function addRootKeys(node: PlanNode | SubscriptionNode, keys: Set<string>): void {
  switch (node.kind) {
    case 'Fetch': {
      const single = singleOperation(parse(node.operation, { noLocation: true }), undefined);
      if (!single) return;
      const { operation, fragments } = single;
      for (const key of byResponseKey([operation.selectionSet], { fragments }).keys()) {
        keys.add(key);
      }
      return;
    }
    case 'Sequence':
    case 'Parallel':
      for (const inner of node.nodes) addRootKeys(inner, keys);
      return;
    case 'Condition':
      if (node.ifClause) addRootKeys(node.ifClause, keys);
      if (node.elseClause) addRootKeys(node.elseClause, keys);
      return;
    case 'Subscription':
      addRootKeys(node.primary, keys);
      return;
    default:
      return;
  }
}
