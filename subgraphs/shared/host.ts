import { createHash } from 'node:crypto';
import { GraphQLError } from 'graphql';
import type { ExecutionResult } from 'graphql';
import type { ClassType, NonEmptyArray } from 'type-graphql';
import type { EntityTarget, ObjectLiteral } from 'typeorm';
import type { IdentityKeys } from './auth.ts';
import { verifyIdentity } from './auth.ts';
import { createContext } from './context.ts';
import type { Context } from './context.ts';
import type { Database, MigrationClass } from './db.ts';
import { openDatabase } from './db.ts';
import { ForgeError } from './errors.ts';
import { sweepEvents } from './events.ts';
import { buildSubgraph, graphEngine } from './subgraph-schema.ts';
import type { GraphRequest } from './subgraph-schema.ts';
import { sweepIdempotency } from './idempotency.ts';
import type { Keys } from './keys.ts';
import type { Log } from './log.ts';
import type { Consumer } from './outbox.ts';
import { deliverMessages } from './outbox.ts';
import type { HttpRoute } from './subgraph-server.ts';
import { noTracing } from './telemetry.ts';
import type { Tracing } from './telemetry.ts';
import { isAborted, sleep } from './time.ts';
import type { Clock } from './time.ts';
import { bellOf } from './wakeups.ts';
import type { Workflow } from './workflow.ts';

/** How another subgraph's mention of an entity becomes this subgraph's part of it. */
// A context's dependencies are the subgraph's own; the table of all references holds many kinds.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Reference = (reference: any, ctx: Context<any>) => Promise<object | null>;

/** Something that a subgraph's workers do without being asked, again and again. */
export interface Chore<Deps> {
  readonly name: string;
  readonly everyMs: number;
  /** How long after the start it begins, so that runs go on first from where a stop has left them. */
  readonly afterMs?: number;
  /** Woken by this topic as well, if there is one. */
  readonly wakeTopic?: string;
  run(work: WorkerContext<Deps>): Promise<void>;
}

export interface WorkerContext<Deps> {
  readonly db: Database;
  readonly deps: Deps;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** What every subgraph is given by whoever starts it. */
export interface Kernel {
  readonly log: Log;
  readonly clock: Clock;
  readonly keys: Keys;
}

/** A subgraph as a value: everything it is, wired by nothing else. */
export interface Subgraph<Deps = unknown> {
  readonly name: string;
  // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type
  readonly resolvers: NonEmptyArray<Function>;
  /** Types that no resolver names by itself. */
  readonly orphanedTypes: readonly ClassType[];
  readonly references: Readonly<Record<string, Reference>>;
  readonly entities: readonly EntityTarget<ObjectLiteral>[];
  readonly migrations: readonly MigrationClass[];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly workflows: readonly Workflow<any, any>[];
  readonly consumers: readonly Consumer[];
  readonly chores?: readonly Chore<Deps>[];
  readonly deps: Deps;
  /** Answers to requests that are not for the graph, such as downloads. */
  readonly routes?: (db: Database) => readonly HttpRoute[];
  /** Listens, beside its workers, for what comes neither from clients nor from a gateway. */
  listen?(db: Database): Promise<Listening>;
  /** What whoever starts the product should know of this machine, a sentence each. */
  notes?(): Promise<readonly string[]>;
  /** Ends what `deps` hold open. */
  close?(): Promise<void>;
}

/** Something that listens until it is told not to. */
export interface Listening {
  /** Lets what is under way end, within the deadline. */
  close(deadlineMs: number): Promise<void>;
}

/** A subgraph's part of the graph as text, for composing the supergraph. */
export async function subgraphSdl(subgraph: Subgraph): Promise<string> {
  return (await buildSubgraph(subgraph)).sdl;
}

/** A subgraph that answers, as the gateway knows it: in this process, or behind HTTP. */
export interface SubgraphEndpoint {
  readonly name: string;
  readonly sdl: string;
  execute(
    request: GraphRequest,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<ExecutionResult>;
  subscribe(
    request: GraphRequest,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<AsyncIterable<ExecutionResult>>;
}

export interface MountOptions {
  readonly db: Database;
  readonly identityKeys: IdentityKeys;
  readonly cursorKey: Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
  readonly tracing?: Tracing;
}

/**
 * Makes a subgraph answer. Every request must carry the gateway's signature over
 * who calls, for this subgraph and this very operation; the tenant comes from
 * there and from nowhere else.
 */
export async function mountSubgraph(
  subgraph: Subgraph,
  { db, identityKeys, cursorKey, clock, log, tracing = noTracing }: MountOptions,
): Promise<SubgraphEndpoint> {
  const { name, deps } = subgraph;
  const built = await buildSubgraph(subgraph);
  const engine = graphEngine(built, log.child({ subgraph: name }));

  const contexts = async (
    { query }: GraphRequest,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<() => Context> => {
    const signed = headers['x-forge-identity'];
    if (signed === undefined) {
      throw new ForgeError('UNAUTHENTICATED', 'This operation needs a token.');
    }
    const operationHash = createHash('sha256').update(query).digest('base64url');
    const use = { audience: name, operationHash };
    const identity = await verifyIdentity(identityKeys, signed, use);
    const requestId = headers['x-request-id'] ?? 'unknown';
    const parts = { identity, requestId, db, deps, cursorKey, clock, log, signal };
    return () => createContext(parts);
  };

  return {
    name,
    sdl: built.sdl,
    async execute(request, headers, signal) {
      try {
        const contextFor = await contexts(request, headers, signal);
        return await tracing.span(`resolve ${name}`, headers['traceparent'] ?? '', {}, () =>
          engine.execute(request, contextFor()),
        );
      } catch (cause) {
        return refused(cause);
      }
    },
    async subscribe(request, headers, signal) {
      try {
        return await engine.subscribe(request, await contexts(request, headers, signal));
      } catch (cause) {
        return (async function* () {
          yield await Promise.resolve(refused(cause));
        })();
      }
    },
  };
}

function refused(cause: unknown): ExecutionResult {
  if (!(cause instanceof ForgeError)) throw cause;
  const error = new GraphQLError(cause.message, {
    originalError: cause,
    extensions: cause.extensions,
  });
  return { errors: [error] };
}

/** Opens a subgraph's tables. */
export function openSubgraphDatabase(
  { name, entities }: Subgraph,
  options: { readonly url: string; readonly poolMax: number; readonly log: Log },
): Promise<Database> {
  return openDatabase({ name, entities, ...options });
}

/**
 * Does a subgraph's work that no request waits for, until the signal aborts: it
 * takes messages, does its chores, and forgets what is no longer kept.
 */
export async function runWorkers(
  subgraph: Subgraph,
  db: Database,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  const work = { db, deps: subgraph.deps, log: log.child({ subgraph: subgraph.name }), signal };
  const chores = [...(subgraph.chores ?? []), forgetting] as readonly Chore<unknown>[];
  await Promise.all([
    // Who takes none leaves them to others of this subgraph.
    ...(subgraph.consumers.length > 0
      ? [deliverMessages(db, subgraph.consumers, subgraph.deps, work)]
      : []),
    ...chores.map((chore) => repeat(chore, work)),
  ]);
}

const forgetting: Chore<unknown> = {
  name: 'forget',
  everyMs: 600_000,
  async run({ db, signal }) {
    while (!signal.aborted && (await sweepEvents(db)) > 0);
    while (!signal.aborted && (await sweepIdempotency(db)) > 0);
  },
};

const failurePauseMs = 1_000;

async function repeat(chore: Chore<unknown>, work: WorkerContext<unknown>): Promise<void> {
  const { db, log, signal } = work;
  if (chore.afterMs !== undefined) await sleep(chore.afterMs, signal).catch(() => undefined);
  const bell = bellOf(db.wakeups, chore.wakeTopic ?? `chore/${db.name}/${chore.name}`);
  while (!signal.aborted) {
    bell.quiet();
    try {
      await chore.run(work);
      await bell.ring(chore.everyMs, signal);
    } catch (err) {
      if (isAborted(signal)) break;
      log.error({ err, chore: chore.name }, 'a chore failed and is done again');
      await sleep(failurePauseMs, signal).catch(() => undefined);
    }
  }
  bell.remove();
}
