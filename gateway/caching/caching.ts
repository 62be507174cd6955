import { createHash } from 'node:crypto';
import type { DocumentNode, ExecutionResult, GraphQLSchema } from 'graphql';
import { singleOperation } from '../hardening/document.ts';
import type { HardenedOperation } from '../hardening/hardening.ts';
import type { Scope } from '../scope.ts';
import type { LoadedSupergraph } from '../supergraph/supergraph.ts';
import type { AnswerOf } from './answer-key.ts';
import { ownKey, sharedKey } from './answer-key.ts';
import { answerPolicy } from './answer-policy.ts';
import type { CacheHints } from './cache-hints.ts';
import { cacheHints } from './cache-hints.ts';
import { InFlight } from './in-flight.ts';
import type { CacheStats } from './kept.ts';
import type { Answer } from './response-store.ts';
import { ResponseStore } from './response-store.ts';
import type { CachePolicy } from './static-policy.ts';
import { staticPolicy } from './static-policy.ts';

export interface CachingOptions {
  /** How much the answers that are kept may take; 0 keeps none. */
  readonly responseBytesMax: number;
  /** Whether who asks the same at the same time waits for one execution. */
  readonly sharesInFlight: boolean;
  /** Whether subgraphs answer with `cache-control`: those behind HTTP do. */
  readonly readsHeaders: boolean;
}

/** A query that is going to be run. */
export interface Question extends Pick<AnswerOf, 'text'> {
  readonly loaded: LoadedSupergraph;
  readonly document: DocumentNode;
  readonly hardened: Pick<HardenedOperation, 'key' | 'verdict'>;
  readonly request: {
    readonly operationName?: string | undefined;
    readonly variables?: Readonly<Record<string, unknown>> | undefined;
  };
}

/** Runs an operation. The scope it is given has the signal and takes note of the policy. */
export type Run = (scope: Scope) => Promise<ExecutionResult>;

export interface Caching {
  /** Gives the answer to a query: one that is kept, that of somebody who asks the same, or its own. */
  answer(question: Question, scope: Scope, run: Run): Promise<Answer>;
  /** Runs a mutation. Queries that come later wait for nothing that was begun before its end. */
  mutate(scope: Scope, run: Run): Promise<ExecutionResult>;
  readonly caches: Readonly<Record<string, () => CacheStats>>;
}

/** Nothing is kept and nothing is shared. */
export const noCaching = { responseBytesMax: 0, sharesInFlight: false };

/**
 * Keeps answers and shares executions, where that is switched on, and finds how
 * long each answer may be kept by others.
 *
 * An answer is given again only to its own tenant, to callers with the same
 * scopes and the same rights, and one that is PRIVATE to its own actor only.
 * Executions are shared by one actor's requests. An answer with errors is never
 * kept. `no-cache` in a request's `cache-control` has it run by itself, and
 * `no-store` has nothing of it kept besides.
 */
export function caching(options: CachingOptions): Caching {
  const { responseBytesMax, sharesInFlight, readsHeaders } = options;
  const store = responseBytesMax > 0 ? new ResponseStore(responseBytesMax) : undefined;
  const flights = sharesInFlight ? new InFlight<Answer>() : undefined;
  const policies = graphPolicies();
  const graphIds = new WeakMap<LoadedSupergraph, string>();
  const keyOf = (question: Question, scope: Scope): string => {
    const { loaded, request, text, hardened } = question;
    const graph = graphIds.get(loaded) ?? createHash('sha256').update(loaded.sdl).digest('hex');
    graphIds.set(loaded, graph);
    const { operationName, variables } = request;
    const { key, verdict } = hardened;
    const answer = { graph, text, operationName, variables, hardened: key, verdict };
    return sharedKey(answer, scope);
  };

  return {
    caches: {
      ...(store ? { responses: () => store.stats } : {}),
      ...(flights ? { shared: () => flights.stats } : {}),
    },
    async answer(question, scope, run) {
      const known = policies(question);
      const mayKeep = known.isHinted ? known.policy !== undefined : readsHeaders;
      const keeps = store && mayKeep ? store : undefined;
      if (!keeps && !flights) return answered(run, scope, mayKeep, known.policy);

      const tenant = scope.identity?.tenant ?? '';
      const { isFresh, isSecret } = wishesOf(scope);
      const shared = keyOf(question, scope);
      const own = ownKey(shared, scope);
      const found = isFresh ? undefined : (keeps?.find(tenant, shared) ?? keeps?.find(tenant, own));
      if (found) return found;
      const make = async (within: Scope): Promise<Answer> => {
        const answer = await answered(run, within, mayKeep, known.policy);
        const { result, policy } = answer;
        if (policy && !isSecret)
          keeps?.keep(tenant, policy.isPrivate ? own : shared, result, policy);
        return answer;
      };
      if (!flights || isFresh) return make(scope);
      return flights.join(tenant, own, scope.signal, (signal) => make({ ...scope, signal }));
    },
    async mutate(scope, run) {
      try {
        return await run(scope);
      } finally {
        flights?.changed(scope.identity?.tenant ?? '');
      }
    },
  };
}

async function answered(
  run: Run,
  scope: Scope,
  mayKeep: boolean,
  given: CachePolicy | undefined,
): Promise<Answer> {
  if (!mayKeep) return { result: await run(scope), policy: undefined };
  const policy = answerPolicy(given);
  const result = await run({ ...scope, policy });
  return { result, policy: result.errors ? undefined : policy.policy };
}

/** What a client says about answers that are kept. */
function wishesOf({ cacheControl }: Scope): {
  readonly isFresh: boolean;
  readonly isSecret: boolean;
} {
  if (cacheControl === undefined) return { isFresh: false, isSecret: false };
  const isSecret = /\bno-store\b/i.test(cacheControl);
  return { isSecret, isFresh: isSecret || /\bno-cache\b|\bmax-age=0\b/i.test(cacheControl) };
}

interface KnownPolicy {
  /** Whether the graph says anything at all. */
  readonly isHinted: boolean;
  readonly policy: CachePolicy | undefined;
}

const unhinted: KnownPolicy = { isHinted: false, policy: undefined };

/** What graphs say about their operations, found once for each. */
function graphPolicies(): (question: Question) => KnownPolicy {
  const hintsOf = new WeakMap<GraphQLSchema, CacheHints | 'none'>();
  const known = new WeakMap<GraphQLSchema, WeakMap<DocumentNode, Map<string, KnownPolicy>>>();
  return ({ loaded: { ast, schema }, document, request: { operationName = '' } }) => {
    let hints = hintsOf.get(schema);
    if (!hints) {
      hints = cacheHints(ast) ?? 'none';
      hintsOf.set(schema, hints);
    }
    if (hints === 'none') return unhinted;
    const ofGraph = known.get(schema) ?? new WeakMap<DocumentNode, Map<string, KnownPolicy>>();
    known.set(schema, ofGraph);
    const ofDocument = ofGraph.get(document) ?? new Map<string, KnownPolicy>();
    ofGraph.set(document, ofDocument);
    const found = ofDocument.get(operationName);
    if (found) return found;
    const single = singleOperation(document, operationName === '' ? undefined : operationName);
    const policy = single && staticPolicy(schema, hints, single);
    const made = { isHinted: true, policy };
    ofDocument.set(operationName, made);
    return made;
  };
}
