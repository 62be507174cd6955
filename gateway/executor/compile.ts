import type { PlanNode, SubscriptionNode } from '@apollo/query-planner';
import type { DocumentNode, ExecutionResult, GraphQLSchema } from 'graphql';
import { getVariableValues, GraphQLError, isNonNullType, OperationTypeNode } from 'graphql';
import type { Introspect } from './introspection.ts';
import { introspection } from './introspection.ts';
import type { FieldTree } from './field-tree.ts';
import { splitByType } from './interface-objects.ts';
import type { Kept } from '../caching/kept.ts';
import type { GraphRequest } from '../subgraph-client/subgraph-client.ts';
import type { IsAbstract } from './paths.ts';
import { plannedFetches } from './plan-fetches.ts';
import type { Project } from './projection.ts';
import { projection } from './projection.ts';
import type { TypesWithin } from './representations.ts';
import type { PlannedRequest } from './requests.ts';
import { plannedRequests } from './requests.ts';
import type { Ask } from './run.ts';
import { graphRequest, run } from './run.ts';
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

/** Which labels of `@override` are on. */
export type Overrides = Map<string, boolean>;

/** Plans the one operation of a document that has no conditions. */
export type Plan = (
  document: DocumentNode,
  overrides: Overrides,
) => PlanNode | SubscriptionNode | undefined;

/** An operation that needs only variables to be run. */
export interface CompiledOperation {
  /** Plans for these variables. Throws UnsupportedPlan for what cannot be run. */
  prepare(
    variables: Readonly<Record<string, unknown>>,
    overrides?: Overrides,
    /** Is called before a plan is made. */
    planning?: () => void,
  ): PreparedRun | Refusal;
  /** Plans with all conditions off and with all of them on. */
  warm(overrides?: Overrides): void;
}

/** The variables cannot be taken. */
export interface Refusal {
  readonly errors: readonly GraphQLError[];
}

/** An operation with everything decided but what subgraphs answer. */
export interface PreparedRun {
  readonly requests: readonly PlannedRequest[];
  /** The first request: for a subscription, the one that opens the stream. */
  readonly first: { readonly subgraph: string; readonly request: GraphRequest } | undefined;
  /**
   * Runs it. With a seed, the answer to the first request is taken as given:
   * that is how the event of a subscription is completed. Never rejects for
   * what a subgraph does.
   */
  execute(ask: Ask, seed?: ExecutionResult): Promise<ExecutionResult>;
}

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
  { plan, kept, key: documentKey }: Compiling,
): CompiledOperation {
  const text = operationText(document, operationName);
  const names = switchNames(text);
  const variantOf = (switches: Switches, overrides: Overrides, planning?: () => void): Variant => {
    const key = [documentKey, ...switches.values(), ...[...overrides].flat()].join(' ');
    const known = kept.get(key);
    if (known) return known;
    planning?.();
    const variant = compiled(graph, decided(text, switches), (one) => plan(one, overrides));
    return keptVariant(kept, key, variant);
  };
  return {
    prepare(variables, overrides = noOverrides, planning) {
      const values = valuesOf(graph.schema, text, names, variables);
      if ('errors' in values) return values;
      const variant = variantOf(values.switches, overrides, planning);
      const [first] = variant.requests;
      return {
        requests: variant.requests,
        first: first && { subgraph: first.subgraph, request: graphRequest(first, variables) },
        execute: (ask, seed) => executed(graph, variant, variables, ask, seed),
      };
    },
    warm(overrides = noOverrides) {
      for (const all of [false, true]) {
        variantOf(new Map(names.map((name) => [name, all])), overrides);
      }
    },
  };
}

const noOverrides: Overrides = new Map();

/** What compiling takes besides the operation. */
export interface Compiling {
  readonly plan: Plan;
  readonly kept: Kept<Variant>;
  /** Of this document alone. */
  readonly key: string;
}

function keptVariant(kept: Kept<Variant>, key: string, variant: Variant): Variant {
  const weight = variant.requests.reduce(
    (sum, request) => sum + weightOf(request),
    bytesPerVariant,
  );
  return kept.set(key, variant, weight);
}

/** About what a variant takes, by what was measured: a closure and a Map entry per field. */
const bytesPerVariant = 4_000;
const bytesPerField = 400;

function weightOf({ query, root, entities }: PlannedRequest): number {
  const parts = root ? [root] : entities;
  return parts.reduce((sum, { fields }) => sum + bytesPerField * sizeOf(fields), 2 * query.length);
}

function sizeOf(fields: FieldTree): number {
  let size = fields.size;
  for (const inner of fields.values()) size += sizeOf(inner);
  return size;
}

/** An operation with every condition decided. */
export interface Variant {
  readonly requests: readonly PlannedRequest[];
  readonly project: Project;
  readonly introspect: Introspect | undefined;
  /** The root fields that must not be null. */
  readonly required: ReadonlySet<string>;
}

function compiled(
  { schema, typesWithin, isAbstract }: Graph,
  text: OperationText,
  plan: (document: DocumentNode) => ReturnType<Plan>,
): Variant {
  const { operation } = text;
  const type = schema.getRootType(operation.operation);
  if (!type) throw new GraphQLError(`The graph has no ${operation.operation}.`);
  const required = new Set<string>();
  const asked: string[] = [];
  for (const [key, [{ name }]] of collectFields(text, schema, type.name, [
    operation.selectionSet,
  ])) {
    const field = type.getFields()[name.value];
    if (field) asked.push(key);
    if (field && isNonNullType(field.type)) required.add(key);
  }
  const node = asked.length > 0 ? plan(documentOf(text)) : undefined;
  const isMutation = operation.operation === OperationTypeNode.MUTATION;
  const fetches = node ? plannedFetches(node, isMutation) : [];
  const exact = splitByType(fetches, text, { typesWithin, isAbstract });
  const requests = plannedRequests(exact, isMutation, typesWithin);
  const planned = new Set(requests.flatMap(({ root }) => [...(root?.fields.keys() ?? [])]));
  const left = asked.filter((key) => !planned.has(key));
  if (left.length > 0) throw new Error(`No subgraph is asked for ${left.join(', ')}`);
  return {
    requests,
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
