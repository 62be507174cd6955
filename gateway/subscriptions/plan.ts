import type { ExecutionResult } from 'graphql';
import { getOperationAST, getVariableValues, GraphQLError } from 'graphql';
import { maskErrors, RequestErrors } from '../errors.ts';
import type { PreparedOperation, Operations } from '../operations/operation.ts';
import type { Caller, Scope } from '../scope.ts';
import type { ServedGraph } from '../served-graphs.ts';
import type { GraphRequest, SubgraphClient } from '../subgraph-client/subgraph-client.ts';
import type { LoadedSupergraph } from '../supergraph/supergraph.ts';
import { Completions } from './completions.ts';
import { Delivery } from './delivery.ts';
import { entityNamer } from './entity-names.ts';
import { eventFacts } from './positions.ts';
import { shareKey } from './shares.ts';

/** A subscription made ready on one graph, for one caller's rights. */
export interface Plan {
  readonly client: SubgraphClient;
  /** What opens the stream. */
  readonly request: GraphRequest;
  /** The same for streams that are opened by the same request at the same place. */
  readonly sourceKey: string;
  /** Makes of an event what readers get, asking the other subgraphs. Never rejects. */
  complete(event: ExecutionResult, scope: Scope): Promise<Delivery>;
}

/** Makes a subscription ready. Throws RequestErrors or a ForgeError when it may not run. */
export function planSubscription(
  graph: ServedGraph,
  operations: Pick<Operations, 'validate' | 'countPlan'>,
  operation: PreparedOperation,
  { identity }: Pick<Caller, 'identity'>,
): Plan {
  const { loaded, hardening, executor, clients } = graph;
  const { document, operationName } = operation;
  const { variables } = operation.request;
  operations.validate(loaded.schema, document);
  checkVariables(loaded, operation);
  const hardened = hardening.harden({ document, operationName, variables, identity });
  const planning = (): void => {
    operations.countPlan(document, identity);
  };
  const run = executor.prepare({ ...hardened, operationName: undefined, planning });
  if ('errors' in run) throw new RequestErrors(run.errors);
  const { first } = run;
  const client = first && clients.get(first.subgraph);
  if (!client) throw new Error('No subgraph serves the subscription');
  const url = loaded.subgraphs.find(({ name }) => name === first.subgraph)?.url;
  const nameOf = entityNamer(loaded.ast);
  const facts = eventFacts(loaded.schema, hardened.document);
  const kept = Object.entries(hardened.variables ?? {}).filter(([name]) =>
    facts.variables.includes(name),
  );
  // The executor that runs queries completes each event, as the answer to the first request.
  const complete = async (event: ExecutionResult, scope: Scope): Promise<Delivery> => {
    // The execution grows the event, so its name is taken first.
    const entity = nameOf(event.data);
    const result = hardened.restore(await executor.execute(run, scope, event));
    const { data = null, errors, extensions } = result;
    const masked = errors ? { errors: maskErrors(errors, scope) } : {};
    return new Delivery({ ...masked, data, ...(extensions ? { extensions } : {}) }, entity);
  };
  return {
    client,
    request: first.request,
    sourceKey: JSON.stringify([first.subgraph, url, first.request]),
    complete(event, scope) {
      if (run.requests.length < 2 || facts.positionOf(event.data) === undefined) {
        return complete(event, scope);
      }
      const share = shareKey(operation, Object.fromEntries(kept), scope);
      return completionsOf(graph).share([share, hardened.verdict, JSON.stringify(event)], () =>
        // Others wait for it as well, so it does not end when one stream does.
        complete(event, { ...scope, signal: new AbortController().signal }),
      );
    },
  };
}

const completions = new WeakMap<ServedGraph, Completions>();

function completionsOf(graph: ServedGraph): Completions {
  const known = completions.get(graph) ?? new Completions();
  completions.set(graph, known);
  return known;
}

function checkVariables(
  { schema }: LoadedSupergraph,
  { document, operationName, request: { variables } }: PreparedOperation,
): void {
  const definitions = getOperationAST(document, operationName)?.variableDefinitions ?? [];
  const { errors } = getVariableValues(schema, definitions, variables ?? {});
  if (!errors) return;
  throw new RequestErrors(
    errors.map(
      ({ message, nodes }) =>
        new GraphQLError(message, { nodes: nodes ?? null, extensions: { code: 'BAD_USER_INPUT' } }),
    ),
  );
}
