import type { PlanNode } from '@apollo/query-planner';
import type { DocumentNode, ExecutionResult, GraphQLSchema } from 'graphql';
import { getVariableValues, GraphQLError, isNonNullType } from 'graphql';
import type { Introspect } from './introspection.ts';
import { introspection } from './introspection.ts';
import type { IsAbstract } from './paths.ts';
import type { Condition } from './plan-fetches.ts';
import { plannedFetches } from './plan-fetches.ts';
import type { Project } from './projection.ts';
import { projection } from './projection.ts';
import type { TypesWithin } from './representations.ts';
import { plannedRequests } from './requests.ts';
import type { Ask } from './run.ts';
import { run } from './run.ts';
import type { OperationText, Switches } from './selections.ts';
import { collectFields, operationText } from './selections.ts';
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

/** An operation that needs only variables to be run. */
export interface CompiledOperation {
  /** How many requests it makes at most. */
  readonly requestsMax: number;
  /**
   * Runs the operation. With a seed, the answer to its first fetch is taken as
   * given: that is how the event of a subscription is completed. Never rejects
   * for what a subgraph does.
   */
  execute(
    variables: Readonly<Record<string, unknown>>,
    ask: Ask,
    seed?: ExecutionResult,
  ): Promise<ExecutionResult>;
}

/** The ways of one operation that differ by @skip and @include, kept when last used. */
const variantsMax = 32;

/** Compiles an operation and its plan. Throws UnsupportedPlan for what it cannot run. */
export function compileOperation(
  graph: Graph,
  document: DocumentNode,
  operationName: string | undefined,
  plan: PlanNode | undefined,
): CompiledOperation {
  const { schema, typesWithin, isAbstract, grow } = graph;
  const text = operationText(document, operationName);
  const isMutation = text.operation.operation === 'mutation';
  const fetches = plan ? plannedFetches(plan, isMutation) : [];
  const requests = plannedRequests(fetches, isMutation, typesWithin);
  const variants = new Map<string, Variant>();
  const variantFor = (switches: Switches): Variant => {
    const key = [...switches.values()].map(Number).join('');
    const known = variants.get(key);
    if (known) return known;
    const variant = variantOf(schema, text, switches, plan === undefined);
    const [oldest] = variants.keys();
    if (variants.size >= variantsMax && oldest !== undefined) variants.delete(oldest);
    variants.set(key, variant);
    return variant;
  };

  return {
    requestsMax: requests.length,
    async execute(variables, ask, seed) {
      const values = valuesOf(schema, text, variables);
      if ('errors' in values) return { errors: values.errors };
      const { project, introspect, required } = variantFor(values.switches);
      const troubles = new Troubles();
      const root: Tree = {};
      const holds = (conditions: readonly Condition[]): boolean =>
        conditions.every(({ variable, value }) => values.coerced[variable] === value);
      const parts = { root, variables, holds, troubles, ask, grow, isAbstract, required };
      await run(requests, { ...parts, stopped: false }, seed);
      if (introspect) {
        const answer = introspect(variables);
        Object.assign(root, answer.data);
        troubles.errors.push(...answer.errors);
      }
      const data = project(root, troubles);
      return troubles.errors.length > 0 ? { errors: troubles.errors, data } : { data };
    },
  };
}

/** An operation with every condition decided. */
interface Variant {
  readonly project: Project;
  readonly introspect: Introspect | undefined;
  readonly required: ReadonlySet<string>;
}

function variantOf(
  schema: GraphQLSchema,
  text: OperationText,
  switches: Switches,
  isWithoutPlan: boolean,
): Variant {
  const { operation } = text;
  const type = schema.getRootType(operation.operation);
  if (!type) throw new GraphQLError(`The graph has no ${operation.operation}.`);
  const required = new Set<string>();
  const sets = [operation.selectionSet];
  for (const [key, [{ name }]] of collectFields(text, schema, switches, type.name, sets)) {
    const field = type.getFields()[name.value];
    if (field && isNonNullType(field.type)) required.add(key);
    if (field && isWithoutPlan) throw new Error(`No subgraph was planned to serve ${name.value}`);
  }
  return {
    project: projection(schema, text, switches),
    introspect: introspection(schema, text, switches),
    required,
  };
}

type Values =
  | { readonly coerced: Readonly<Record<string, unknown>>; readonly switches: Switches }
  | { readonly errors: readonly GraphQLError[] };

/** Checks the variables, and decides what is skipped and included. */
function valuesOf(
  schema: GraphQLSchema,
  { operation, switches: names }: OperationText,
  variables: Readonly<Record<string, unknown>>,
): Values {
  const { variableDefinitions = [] } = operation;
  if (variableDefinitions.length === 0) return { coerced: {}, switches: new Map() };
  const { coerced, errors } = getVariableValues(schema, variableDefinitions, variables);
  if (errors) return { errors };
  const switches = new Map<string, boolean>();
  for (const name of names) {
    const value = coerced[name];
    if (typeof value === 'boolean') switches.set(name, value);
    else if (variableDefinitions.some(({ variable }) => variable.name.value === name)) {
      return { errors: [new GraphQLError(`Variable "$${name}" decides a condition: it must not be null.`, { extensions: { code: 'BAD_USER_INPUT' } })] };
    }
  }
  return { coerced, switches };
}
