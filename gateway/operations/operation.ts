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
import { Lru } from './lru.ts';

/** The members of a GraphQL request, as every transport carries them. */
export interface OperationRequest {
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: Record<string, unknown> | undefined;
}

/** A client's document that keeps the limits; the key under which its plans are kept. */
export interface PreparedOperation {
  readonly key: string;
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly kind: 'query' | 'mutation' | 'subscription';
}

export interface Operations {
  /**
   * Parses a document and holds it against the limits, before anything that
   * costs more than its length looks at it. New documents are counted for the
   * caller's tenant. Throws RequestErrors or a ForgeError when it cannot be run.
   */
  prepare(
    query: string,
    operationName: string | undefined,
    identity: Identity | undefined,
  ): PreparedOperation;
  /** Validates a document against a graph; the answer is remembered. Throws RequestErrors. */
  validate(schema: GraphQLSchema, document: DocumentNode): void;
  /** The document of a text, by the SHA-256 of the text in hex, if it was prepared. */
  byHash(hash: string): DocumentNode | undefined;
  /** The documents that were prepared most recently, the latest first. */
  recent(): readonly DocumentNode[];
}

export interface OperationsOptions {
  readonly limits: Limits;
  readonly admission: Pick<Admission, 'newDocument'>;
  /** Whether clients may ask what the graph consists of. */
  readonly introspection: boolean;
}

/** The first stop of every operation. */
export function operations({ limits, admission, introspection }: OperationsOptions): Operations {
  const documents = new Lru<DocumentNode>(documentsKept);
  const hashes = new Lru<DocumentNode>(documentsKept);
  const validated = new WeakMap<GraphQLSchema, WeakMap<DocumentNode, readonly GraphQLError[]>>();
  const rules = [...specifiedRules, ...(introspection ? [] : [NoSchemaIntrospectionCustomRule])];
  return {
    prepare(query, operationName, identity) {
      let document = documents.get(query);
      if (!document) {
        admission.newDocument(identity, query.length);
        document = documents.set(query, read(query, limits));
        hashes.set(createHash('sha256').update(query).digest('hex'), document);
      }
      const operation = getOperationAST(document, operationName);
      if (!operation) throw unresolved(operationName);
      const key = operationName === undefined ? query : `${operationName}\n${query}`;
      return { key, document, operationName, kind: operation.operation };
    },
    validate(schema, document) {
      const known = validated.get(schema) ?? new WeakMap<DocumentNode, readonly GraphQLError[]>();
      validated.set(schema, known);
      const errors = known.get(document) ?? validate(schema, document, rules);
      known.set(document, errors);
      if (errors.length > 0) throw coded('GRAPHQL_VALIDATION_FAILED', errors);
    },
    byHash: (hash) => hashes.get(hash),
    recent: () => [...documents.values()].reverse(),
  };
}

const documentsKept = { entriesMax: 1_000, charactersMax: 2_000_000 };

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
