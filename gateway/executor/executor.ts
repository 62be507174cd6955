import type { DocumentNode, ExecutionResult, GraphQLSchema } from 'graphql';
import { isAbstractType, isInterfaceType } from 'graphql';
import type { OverrideChoice } from '../supergraph/override-labels.ts';
import type { Scope } from '../scope.ts';
import type { SubgraphClient } from '../subgraph-client/subgraph-client.ts';
import type { CompiledOperation, Graph, Plan, PreparedRun, Refusal, Variant } from './compile.ts';
import { compileOperation } from './compile.ts';
import type { CacheStats } from '../caching/kept.ts';
import { Kept } from '../caching/kept.ts';
import type { Ask } from './run.ts';
import { grower } from './tree.ts';

export interface ExecutorParts {
  /** What clients see. */
  readonly schema: GraphQLSchema;
  readonly supergraphSchema: GraphQLSchema;
  readonly plan: Plan;
  readonly subgraphs: ReadonlyMap<string, Pick<SubgraphClient, 'execute'>>;
}

/** An operation of a client, after the hardening of documents. */
export interface ClientOperation {
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  readonly overrides?: OverrideChoice;
  /** Is called before a plan is made; what it throws keeps that from being done. */
  readonly planning?: () => void;
}

export interface Executor {
  /**
   * Plans and compiles an operation, once per document. Throws UnsupportedPlan
   * for a plan that it cannot run.
   */
  prepare(operation: ClientOperation): PreparedRun | Refusal;
  execute(run: PreparedRun, scope: Scope, seed?: ExecutionResult): Promise<ExecutionResult>;
  /**
   * Plans and compiles the one operation of a document before anybody asks for
   * it, with all its conditions off and with all of them on.
   */
  warm(document: DocumentNode, overrides: OverrideChoice): void;
  /** Of the plans that are kept. */
  readonly plans: CacheStats;
}

/** Runs operations of one graph over its subgraphs. */
export function createExecutor(parts: ExecutorParts): Executor {
  const { schema, supergraphSchema, plan, subgraphs } = parts;
  const graph = graphOf(schema, supergraphSchema);
  const kept = new Kept<Variant>(keptBytesMax);
  const compiled = new WeakMap<DocumentNode, Map<string | undefined, CompiledOperation>>();
  let documents = 0;
  const compiledOf = ({ document, operationName }: ClientOperation): CompiledOperation => {
    const known = compiled.get(document) ?? new Map<string | undefined, CompiledOperation>();
    compiled.set(document, known);
    const found = known.get(operationName);
    if (found) return found;
    documents += 1;
    const compiling = { plan, kept, key: String(documents) };
    const operation = compileOperation(graph, document, operationName, compiling);
    known.set(operationName, operation);
    return operation;
  };
  return {
    plans: kept,
    prepare: (operation) =>
      compiledOf(operation).prepare(
        operation.variables ?? {},
        operation.overrides?.conditions,
        operation.planning,
      ),
    execute: (run, scope, seed) => run.execute(asker(subgraphs, scope), seed),
    warm(document, { conditions }) {
      compiledOf({ document, operationName: undefined, variables: undefined }).warm(conditions);
    },
  };
}

/** Plans and what is compiled of them, about. */
const keptBytesMax = 64 * 1_048_576;

function asker(subgraphs: ExecutorParts['subgraphs'], scope: Scope): Ask {
  return async (name, request) => {
    const subgraph = subgraphs.get(name);
    if (!subgraph) throw new Error(`The supergraph names a subgraph "${name}" nobody serves`);
    try {
      return await subgraph.execute(request, scope);
    } catch (cause) {
      const { requestId } = scope;
      scope.log.warn({ err: cause, subgraph: name, requestId }, 'subgraph call failed');
      throw cause;
    }
  };
}

/** What running any operation needs to know of the types. */
export function graphOf(schema: GraphQLSchema, supergraphSchema: GraphQLSchema): Graph {
  const within = new Map<string, ReadonlySet<string>>();
  const abstract = new Set<unknown>();
  for (const type of Object.values(supergraphSchema.getTypeMap())) {
    const names = new Set([type.name]);
    within.set(type.name, names);
    if (!isAbstractType(type)) continue;
    abstract.add(type.name);
    for (const { name } of supergraphSchema.getPossibleTypes(type)) names.add(name);
    if (!isInterfaceType(type)) continue;
    for (const { name } of supergraphSchema.getImplementations(type).interfaces) names.add(name);
  }
  const isAbstract = (typename: unknown): boolean => abstract.has(typename);
  return {
    schema,
    typesWithin: (condition) => within.get(condition) ?? new Set([condition]),
    isAbstract,
    grow: grower(isAbstract),
  };
}
