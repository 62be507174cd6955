import { buildSubgraphSchema } from '@apollo/subgraph';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { createSourceEventStream, execute, GraphQLError, Kind, parse, validate } from 'graphql';
import type { DocumentNode, ExecutionResult, GraphQLSchema } from 'graphql';
import { buildSchema, createResolversMap } from 'type-graphql';
import { can } from './access.ts';
import type { Context } from './context.ts';
import { isConnectionLost } from './db.ts';
import { ForgeError } from './errors.ts';
import { Cursor, DateTime, JSONValue, MinorUnits } from './graph.ts';
import type { Reference, Subgraph } from './host.ts';
import type { Log } from './log.ts';

export interface GraphRequest {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
}

/** A subgraph's part of the graph: as text for composition, and ready to be executed. */
export interface SubgraphSchema {
  readonly sdl: string;
  readonly schema: GraphQLSchema;
}

type Parts = Pick<Subgraph, 'resolvers' | 'orphanedTypes' | 'references'>;

const federationLink = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: [
  "@key", "@shareable", "@external", "@requires", "@provides", "@inaccessible", "@tag",
  "@cost", "@listSize"
])
`;

/** Builds a subgraph's schema from its classes. Throws when they contradict each other. */
export async function buildSubgraph(subgraph: Parts): Promise<SubgraphSchema> {
  const classes = await buildSchema({
    resolvers: subgraph.resolvers,
    orphanedTypes: [...subgraph.orphanedTypes],
    scalarsMap: [{ type: Date, scalar: DateTime }],
    authChecker: ({ context }, needed) => allow(context as Context, needed),
    validate: false,
    pubSub: noPubSub,
  });
  const sdl = federationLink + printSchemaWithDirectives(classes).replace(/schema\s*\{[^}]*\}/, '');
  const resolvers = {
    ...createResolversMap(classes),
    DateTime,
    Cursor,
    MinorUnits,
    JSON: JSONValue,
  } as Record<string, object>;
  for (const [entity, reference] of Object.entries(subgraph.references)) {
    resolvers[entity] = { ...resolvers[entity], __resolveReference: resolved(entity, reference) };
  }
  const defined = definedTypes(sdl);
  const used = Object.fromEntries(Object.entries(resolvers).filter(([name]) => defined.has(name)));
  const schema = buildSubgraphSchema([{ typeDefs: parse(sdl), resolvers: used as never }]);
  return { sdl, schema };
}

/** Subscriptions read event logs; nothing is published in a process only. */
const noPubSub = {
  publish: (topic: string): void => {
    throw new Error(`${topic} was published to nobody`);
  },
  subscribe: (topic: string): never => {
    throw new Error(`${topic} is not an event log`);
  },
};

function definedTypes(sdl: string): ReadonlySet<string> {
  const names = parse(sdl).definitions.flatMap((definition) =>
    'name' in definition ? [definition.name.value] : [],
  );
  return new Set(names);
}

function allow({ identity }: Context, needed: readonly string[]): boolean {
  const missing = needed.filter((permission) => !can(identity, permission));
  if (missing.length === 0) return true;
  throw new ForgeError('FORBIDDEN', `This needs the permission ${missing.join(' and ')}.`);
}

/** A reference that nobody may follow, or that leads nowhere, is null and tells nothing more. */
function resolved(entity: string, reference: Reference) {
  return async (given: { id?: unknown }, ctx: Context): Promise<object | null> => {
    if (typeof given.id !== 'string') return null;
    const found = await reference(given, ctx);
    return found && Object.assign(found, { __typename: entity });
  };
}

/** Runs queries and mutations, and subscriptions, against a subgraph. */
export interface GraphEngine {
  execute(request: GraphRequest, context: Context): Promise<ExecutionResult>;
  /**
   * Each event is completed in a context of its own, so that it shows the things
   * as they are then. An error before the stream opens is one result, then the end.
   */
  subscribe(
    request: GraphRequest,
    contextFor: () => Context,
  ): Promise<AsyncIterable<ExecutionResult>>;
}

const documentsMax = 1_000;

export function graphEngine({ schema }: SubgraphSchema, log: Log): GraphEngine {
  const documents = new Map<string, DocumentNode | readonly GraphQLError[]>();
  const prepare = (query: string): DocumentNode | readonly GraphQLError[] => {
    const known = documents.get(query);
    if (known) return known;
    const prepared = read(schema, query);
    if (documents.size >= documentsMax) documents.clear();
    documents.set(query, prepared);
    return prepared;
  };
  const argsOf = (document: DocumentNode, request: GraphRequest, contextValue: Context) => ({
    schema,
    document,
    contextValue,
    variableValues: request.variables ?? {},
    ...(request.operationName === undefined ? {} : { operationName: request.operationName }),
  });

  return {
    async execute(request, context) {
      const document = prepare(request.query);
      if (!isDocument(document)) return { errors: document };
      return told(await execute(argsOf(document, request, context)), context, log);
    },
    async subscribe(request, contextFor) {
      const document = prepare(request.query);
      if (!isDocument(document)) return only({ errors: document });
      const opening = contextFor();
      const source = await createSourceEventStream(argsOf(document, request, opening));
      if (!(Symbol.asyncIterator in source)) return only(told(source, opening, log));
      return eachEvent(source, async (rootValue) => {
        const context = contextFor();
        const args = { ...argsOf(document, request, context), rootValue };
        return told(await execute(args), context, log);
      });
    },
  };
}

function isDocument(prepared: DocumentNode | readonly GraphQLError[]): prepared is DocumentNode {
  return 'kind' in prepared;
}

function read(schema: GraphQLSchema, query: string): DocumentNode | readonly GraphQLError[] {
  try {
    const document = parse(query);
    const errors = validate(schema, document);
    if (errors.length === 0) return document;
    return errors.map((error) => coded(error, 'GRAPHQL_VALIDATION_FAILED'));
  } catch (cause) {
    if (cause instanceof GraphQLError) return [coded(cause, 'GRAPHQL_PARSE_FAILED')];
    throw cause;
  }
}

function coded(error: GraphQLError, code: string): GraphQLError {
  return new GraphQLError(error.message, {
    nodes: error.nodes ?? null,
    source: error.source ?? null,
    positions: error.positions ?? null,
    extensions: { ...error.extensions, code },
  });
}

/** Only errors that were written for the client keep their words; the log keeps the others. */
function told(result: ExecutionResult, { requestId }: Context, log: Log): ExecutionResult {
  const { errors } = result;
  if (!errors || errors.length === 0) return result;
  return { ...result, errors: errors.map((error) => fit(error, requestId, log)) };
}

function fit(error: GraphQLError, requestId: string, log: Log): GraphQLError {
  const { originalError: cause } = error;
  if (cause instanceof ForgeError && cause.code !== 'INTERNAL') return error;
  const place = { nodes: error.nodes ?? null, path: error.path ?? null };
  if (isInputRefused(error)) {
    return new GraphQLError(error.message, { ...place, extensions: { code: 'BAD_USER_INPUT' } });
  }
  if (isConnectionLost(cause)) {
    log.warn({ err: cause, requestId, path: error.path }, 'a resolver does not reach its tables');
    const { message, extensions } = away;
    return new GraphQLError(message, { ...place, extensions });
  }
  log.error({ err: cause ?? error, requestId, path: error.path }, 'a resolver failed');
  return new GraphQLError('Something went wrong on our side.', {
    ...place,
    extensions: { code: 'INTERNAL' },
  });
}

const away = new ForgeError(
  'SUBGRAPH_UNAVAILABLE',
  'The data cannot be reached at the moment. Ask again in a moment.',
  { retryable: true, retryAfterMs: 1_000 },
);

/** Whether a scalar or graphql itself refused what the caller gave. */
function isInputRefused({ path, originalError: cause }: GraphQLError): boolean {
  // Before the first resolver: a variable, or the name of the operation.
  if (!path) return true;
  if (!(cause instanceof GraphQLError)) return false;
  if (cause.extensions['code'] === 'BAD_USER_INPUT') return true;
  // It refuses an argument at its value, and what a resolver gives at no place or at the field.
  const at = cause.nodes?.[0]?.kind;
  return at !== undefined && at !== Kind.FIELD;
}

async function* only(result: ExecutionResult): AsyncGenerator<ExecutionResult> {
  yield await Promise.resolve(result);
}

/** Gives a source's events, completed one at a time; leaving closes the source at once. */
function eachEvent(
  source: AsyncIterable<unknown>,
  complete: (event: unknown) => Promise<ExecutionResult>,
): AsyncIterableIterator<ExecutionResult> {
  const events = source[Symbol.asyncIterator]();
  const ended = { done: true, value: undefined } as const;
  return {
    async next() {
      const event: IteratorResult<unknown> = await events.next();
      return event.done ? ended : { done: false, value: await complete(event.value) };
    },
    async return() {
      await events.return?.();
      return ended;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
