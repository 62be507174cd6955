import { createHash } from 'node:crypto';
import type { DocumentNode, GraphQLSchema } from 'graphql';
import {
  getOperationAST,
  GraphQLError,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { Admission } from '../limits/admission.ts';
import { RequestErrors } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import { checkLimits } from '../limits/limits.ts';
import { checkNesting } from '../limits/limits-nesting.ts';
import type { CacheStats } from '../caching/kept.ts';
import { Kept } from '../caching/kept.ts';
import type { PersistedOperations } from './persisted.ts';
import type { OperationRequest, ReceivedOperation } from './received.ts';

export type { OperationRequest } from './received.ts';

/** A client's document that keeps the limits; the key under which its plans are kept. */
export interface PreparedOperation {
  readonly key: string;
  /** SHA-256 of the text, in hex. */
  readonly hash: string;
  /** What the client sent, as a text. */
  readonly request: OperationRequest;
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  /** As the document names it. */
  readonly name: string | undefined;
  readonly kind: 'query' | 'mutation' | 'subscription';
}

export interface Operations {
  /**
   * Finds the text of what a client sent, parses it and holds it against the
   * limits, before anything that costs more than its length looks at it. New
   * documents are counted for the caller's tenant, those of the list are not.
   * Throws RequestErrors or a ForgeError when it cannot be run.
   */
  prepare(received: ReceivedOperation, identity: Identity | undefined): PreparedOperation;
  /**
   * Counts a plan that has to be made for a caller, as a new document of its
   * tenant: a document has as many plans as its conditions have combinations.
   * The first one on each graph is counted with the document. Throws RATE_LIMITED.
   */
  countPlan(document: DocumentNode, identity: Identity | undefined): void;
  /** Validates a document against a graph; the answer is remembered. Throws RequestErrors. */
  validate(schema: GraphQLSchema, document: DocumentNode): void;
  /** The document of a text, by the SHA-256 of the text in hex, if it was prepared. */
  byHash(hash: string): DocumentNode | undefined;
  /**
   * The documents to make ready for: those that were prepared most recently,
   * the latest first, then those of the list. One that keeps no limit is left out.
   */
  expected(): Iterable<DocumentNode>;
  /** Of the documents that are kept. */
  readonly documents: CacheStats;
}

export interface OperationsOptions {
  readonly limits: Limits;
  readonly admission: Pick<Admission, 'newDocument'>;
  /** Whether clients may ask what the graph consists of. */
  readonly introspection: boolean;
  readonly persisted: PersistedOperations;
  /** How much the documents that are kept may take. */
  readonly documentBytesMax?: number;
}

/** A document with what it is found by. */
interface Read {
  readonly query: string;
  readonly hash: string;
  readonly document: DocumentNode;
}

/** The first stop of every operation. */
export function operations(options: OperationsOptions): Operations {
  const { limits, admission, introspection, persisted } = options;
  const hashes = new Map<string, Read>();
  const { documentBytesMax = defaultDocumentBytesMax } = options;
  const documents = new Kept<Read>(documentBytesMax, ({ hash }) => hashes.delete(hash));
  const unplanned = new WeakSet<DocumentNode>();
  const validated = new WeakMap<GraphQLSchema, WeakMap<DocumentNode, readonly GraphQLError[]>>();
  const rules = [...specifiedRules, ...(introspection ? [] : [NoSchemaIntrospectionCustomRule])];
  const newDocument = (query: string): Read => {
    const document = read(query, limits);
    const hash = createHash('sha256').update(query).digest('hex');
    const weight = bytesPerCharacter * query.length + bytesPerDocument;
    const made = { query, hash, document };
    if (weight <= documentBytesMax / 4) hashes.set(hash, documents.set(query, made, weight));
    return made;
  };
  return {
    documents,
    prepare(received, identity) {
      const request = persisted.resolve(received, identity);
      const { query, operationName } = request;
      let known = documents.get(query);
      if (!known) {
        if (!persisted.lists(query)) admission.newDocument(identity, query.length);
        known = newDocument(query);
      }
      const { document, hash } = known;
      persisted.admit(request, document, identity);
      const operation = getOperationAST(document, operationName);
      if (!operation) throw unresolved(operationName);
      const key = operationName === undefined ? query : `${operationName}\n${query}`;
      const { operation: kind, name } = operation;
      return { key, hash, request, document, operationName, name: name?.value, kind };
    },
    countPlan(document, identity) {
      if (!unplanned.delete(document)) admission.newDocument(identity, 1);
    },
    validate(schema, document) {
      const known = validated.get(schema) ?? new WeakMap<DocumentNode, readonly GraphQLError[]>();
      validated.set(schema, known);
      const found = known.get(document);
      if (!found) unplanned.add(document);
      const errors = found ?? validate(schema, document, rules);
      known.set(document, errors);
      if (errors.length > 0) throw coded('GRAPHQL_VALIDATION_FAILED', errors);
    },
    byHash: (hash) => hashes.get(hash)?.document,
    *expected() {
      const recent = [...documents.values()].reverse();
      for (const { document } of recent) yield document;
      const seen = new Set(recent.map(({ query }) => query));
      for (const query of persisted.list.current.bodies) {
        if (seen.has(query)) continue;
        const made = readable(() => newDocument(query));
        if (made) yield made.document;
      }
    },
  };
}

const defaultDocumentBytesMax = 128 * 1_048_576;

/** About what a document takes with all that is kept with it, by what was measured. */
const bytesPerCharacter = 120;
const bytesPerDocument = 2_000;

/** Undefined for a document that cannot be run. */
function readable(reading: () => Read): Read | undefined {
  try {
    return reading();
  } catch (cause) {
    if (cause instanceof RequestErrors || cause instanceof ForgeError) return undefined;
    throw cause;
  }
}

function read(query: string, limits: Limits): DocumentNode {
  checkNesting(query, limits.nestingMax);
  let document: DocumentNode;
  try {
    document = parse(query, { maxLexicalTokens: limits.tokensMax });
  } catch (cause) {
    if (!(cause instanceof GraphQLError)) throw cause;
    if (cause.message.includes('Parsing aborted')) {
      throw new ForgeError(
        'LIMIT_EXCEEDED',
        `The document has more than ${String(limits.tokensMax)} tokens. Ask for less, or split it.`,
        { cause },
      );
    }
    throw coded('GRAPHQL_PARSE_FAILED', [cause]);
  }
  checkLimits(document, limits);
  return document;
}

function unresolved(operationName: string | undefined): RequestErrors {
  const message =
    operationName === undefined
      ? 'The document has several operations: name one in operationName.'
      : `The document has no operation named ${JSON.stringify(operationName)}.`;
  return coded('OPERATION_RESOLUTION_FAILURE', [new GraphQLError(message)]);
}

function coded(code: string, errors: readonly GraphQLError[]): RequestErrors {
  return new RequestErrors(
    errors.map(
      (error) =>
        new GraphQLError(error.message, {
          nodes: error.nodes ?? null,
          source: error.source ?? null,
          positions: error.positions ?? null,
          extensions: { ...error.extensions, code },
        }),
    ),
  );
}
