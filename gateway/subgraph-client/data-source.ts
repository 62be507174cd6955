import type { GraphQLDataSource } from '@apollo/gateway';
import type { ExecutionResult, GraphQLFormattedError, SelectionSetNode } from 'graphql';
import { Kind, parse } from 'graphql';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { Scope } from '../scope.ts';
import type { GraphRequest, SubgraphClient } from './subgraph-client.ts';

/** The context the query executor hands to data sources. */
export interface ExecutionContext {
  readonly scope: Scope;
}

/** The subgraphs of the graph that is served. */
export interface GraphClients {
  readonly current: { readonly clients: ReadonlyMap<string, SubgraphClient> };
}

/**
 * A subgraph as the stock executor knows it.
 *
 * A subgraph that cannot be reached is an answer with errors, one at each field
 * that it would have given, so that the rest of the response stands and a
 * client sees what is missing.
 */
export function dataSource(name: string, graphs: GraphClients): GraphQLDataSource {
  return {
    async process(options) {
      const client = graphs.current.clients.get(name);
      if (!client) throw new Error(`The supergraph names a subgraph "${name}" nobody serves`);
      const { query = '', variables, operationName } = options.request;
      const request: GraphRequest = {
        query,
        ...(variables ? { variables } : {}),
        ...(operationName ? { operationName } : {}),
      };
      if (!isExecutionContext(options.context)) throw new Error('A fetch without a scope');
      const { scope } = options.context;
      try {
        return responseOf(await client.execute(request, scope));
      } catch (cause) {
        scope.log.warn(
          { err: cause, subgraph: client.name, requestId: scope.requestId },
          'subgraph call failed',
        );
        return { data: null, errors: failures(cause, request) };
      }
    },
  };
}

/** A subgraph's result in the executor's words; the errors stay whole, for the log. */
export function responseOf({ data = null, errors }: ExecutionResult): SubgraphResponse {
  if (!errors || errors.length === 0) return { data };
  return { data, errors: errors as readonly GraphQLFormattedError[] };
}

type SubgraphResponse = Awaited<ReturnType<GraphQLDataSource['process']>>;

function isExecutionContext(context: object): context is ExecutionContext {
  return 'scope' in context;
}

const failuresMax = 10;

function failures(cause: unknown, request: GraphRequest): GraphQLFormattedError[] {
  const error =
    cause instanceof ForgeError
      ? { message: cause.message, extensions: { code: cause.code, retryable: cause.retryable } }
      : { message: 'The call failed.' };
  const paths = missingPaths(request).slice(0, failuresMax);
  return (paths.length > 0 ? paths : [[]]).map((path) => ({ ...error, path }));
}

/** The places of the answer that stay empty, in the subgraph's own response. */
function missingPaths({ query, variables }: GraphRequest): (string | number)[][] {
  const operation = parse(query).definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  if (operation?.kind !== Kind.OPERATION_DEFINITION) return [];
  const representations = variables?.['representations'];
  if (!Array.isArray(representations)) {
    return responseKeys(operation.selectionSet, undefined).map((key) => [key]);
  }
  const [entities] = operation.selectionSet.selections;
  if (entities?.kind !== Kind.FIELD || !entities.selectionSet) return [];
  const { selectionSet } = entities;
  return representations
    .slice(0, failuresMax)
    .flatMap((representation: { readonly __typename?: string }, index) =>
      responseKeys(selectionSet, representation.__typename).map((key) => ['_entities', index, key]),
    );
}

/** Response keys on the first level, of fragments on the given type when it is known. */
function responseKeys(
  { selections }: SelectionSetNode,
  typename: string | undefined,
): readonly string[] {
  const keys = selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) {
      const key = (selection.alias ?? selection.name).value;
      return key === '__typename' ? [] : [key];
    }
    if (selection.kind !== Kind.INLINE_FRAGMENT) return [];
    const condition = selection.typeCondition?.name.value;
    return typename === undefined || condition === undefined || condition === typename
      ? responseKeys(selection.selectionSet, undefined)
      : [];
  });
  return [...new Set(keys)];
}
