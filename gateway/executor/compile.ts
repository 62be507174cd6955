import type { PlanNode } from '@apollo/query-planner';
import type { DocumentNode, ExecutionResult, GraphQLSchema } from 'graphql';
import { getVariableValues, GraphQLError, isNonNullType } from 'graphql';
import type { Introspect } from './introspection.ts';
import { introspection } from './introspection.ts';
import type { IsAbstract } from './paths.ts';
import { plannedFetches } from './plan-fetches.ts';
import type { Project } from './projection.ts';
import { projection } from './projection.ts';
import type { TypesWithin } from './representations.ts';
import type { PlannedRequest } from './requests.ts';
import { plannedRequests } from './requests.ts';
import type { Ask } from './run.ts';
import { run } from './run.ts';
import type { OperationText, Switches } from './selections.ts';
import { collectFields, decided, documentOf, operationText, switchNames } from './selections.ts';
import type { Grow, Tree } from './tree.ts';
import { Troubles } from './troubles.ts';

/** What is known of a graph before any operation comes. */
export interface Graph {
  /** What clients see. */
  readonly schema: GraphQLSchema;
  readonly typesWithin: TypesWithin;
  readonly isAbstract: IsAbstract;
  readonly grow: Grow;
}

/** Plans the one operation of a document that has no conditions. */
export type Plan = (document: DocumentNode) => PlanNode | undefined;

/** An operation that needs only variables to be run. */
export interface CompiledOperation {
  /** Plans for these variables. Throws UnsupportedPlan for what cannot be run. */
  prepare(variables: Readonly<Record<string, unknown>>): PreparedRun | Refusal;
}

/** The variables cannot be taken. */
export interface Refusal {
  readonly errors: readonly GraphQLError[];
}

/** An operation with everything decided but what subgraphs answer. */
export interface PreparedRun {
  readonly requests: readonly PlannedRequest[];
  /**
   * Runs it. With a seed, the answer to the first request is taken as given:
   * that is how the event of a subscription is completed. Never rejects for
   * what a subgraph does.
   */
  execute(ask: Ask, seed?: ExecutionResult): Promise<ExecutionResult>;
}

/** The ways of one operation that differ by @skip and @include, kept when last used. */
const variantsMax = 32;

/**
 * Compiles an operation, once for each way its conditions can be decided.
 *
 * Conditions are decided before planning: a planner that does not know them
 * asks for what is skipped, or lets what is skipped hold up what is not.
 */
export function compileOperation(
  graph: Graph,
  document: DocumentNode,
  operationName: string | undefined,
  plan: Plan,
): CompiledOperation {
  const text = operationText(document, operationName);
  const names = switchNames(text);
  const variants = new Map<string, Variant>();
  const variantFor = (switches: Switches): Variant => {
    const key = [...switches.values()].map(Number).join('');
    const variant = variants.get(key) ?? compiled(graph, decided(text, switches), plan);
    variants.delete(key);
    variants.set(key, variant);
    const [oldest = ''] = variants.keys();
    if (variants.size > variantsMax) variants.delete(oldest);
    return variant;
  };
  return {
    prepare(variables) {
      const values = valuesOf(graph.schema, text, names, variables);
      if ('errors' in values) return values;
      const variant = variantFor(values.switches);
      return {
        requests: variant.requests,
        execute: (ask, seed) => executed(graph, variant, variables, ask, seed),
      };
    },
  };
}

/** An operation with every condition decided. */
interface Variant {
  readonly requests: readonly PlannedRequest[];
  readonly project: Project;
  readonly introspect: Introspect | undefined;
  /** The root fields that must not be null. */
  readonly required: ReadonlySet<string>;
}

function compiled({ schema, typesWithin }: Graph, text: OperationText, plan: Plan): Variant {
  const { operation } = text;
  const type = schema.getRootType(operation.operation);
  if (!type) throw new GraphQLError(`The graph has no ${operation.operation}.`);
  const required = new Set<string>();
  const asked: string[] = [];
  for (const [key, [{ name }]] of collectFields(text, schema, type.name, [operation.selectionSet])) {
    const field = type.getFields()[name.value];
    if (field) asked.push(key);
    if (field && isNonNullType(field.type)) required.add(key);
  }
  const node = asked.length > 0 ? plan(documentOf(text)) : undefined;
  if (!node && asked.length > 0) throw new Error(`No plan serves ${asked.join(', ')}`);
  const isMutation = operation.operation === 'mutation';
  const fetches = node ? plannedFetches(node, isMutation) : [];
  return {
    requests: plannedRequests(fetches, isMutation, typesWithin),
    project: projection(schema, text),
    introspect: introspection(schema, text),
    required,
  };
}

async function executed(
  { grow, isAbstract }: Graph,
  { requests, project, introspect, required }: Variant,
  variables: Readonly<Record<string, unknown>>,
  ask: Ask,
  seed: ExecutionResult | undefined,
): Promise<ExecutionResult> {
  const troubles = new Troubles();
  const root: Tree = {};
  const parts = { root, variables, troubles, ask, grow, isAbstract, required };
  await run(requests, { ...parts, stopped: false }, seed);
  if (introspect) {
    const { data, errors } = introspect(variables);
    grow(root, data);
    troubles.errors.push(...errors);
  }
  const data = project(root, troubles);
  const { errors } = troubles;
  return errors.length > 0 ? { errors, data } : { data };
}

/** Checks the variables, and decides what is skipped and included. */
function valuesOf(
  schema: GraphQLSchema,
  { operation }: OperationText,
  names: readonly string[],
  variables: Readonly<Record<string, unknown>>,
): { readonly switches: Switches } | Refusal {
  const switches = new Map<string, boolean>();
  const { variableDefinitions = [] } = operation;
  if (variableDefinitions.length === 0) return { switches };
  const { coerced, errors } = getVariableValues(schema, variableDefinitions, variables);
  if (errors) return { errors };
  for (const name of names) {
    const value = coerced[name];
    if (typeof value !== 'boolean') return { errors: [undecided(name)] };
    switches.set(name, value);
  }
  return { switches };
}

function undecided(name: string): GraphQLError {
  return new GraphQLError(`Variable "$${name}" decides what is included: it must not be null.`, {
    extensions: { code: 'BAD_USER_INPUT' },
  });
}
