import type { GraphQLFormattedError } from 'graphql';
import { GraphQLError } from 'graphql';
import { errorCodes, ForgeError } from '../subgraphs/shared/errors.ts';
import type { ErrorCode } from '../subgraphs/shared/errors.ts';
import type { Log } from '../subgraphs/shared/log.ts';

/** Where an error is told: its request, and the log that may know everything. */
export interface ErrorAudience {
  readonly requestId: string;
  readonly log: Log;
}

/**
 * Turns any failure into what a client may see: a code of the closed list, a
 * public message, the path, and how to go on.
 *
 * A message leaves the building only when it was written for the public: our
 * own ForgeErrors, a subgraph's errors that carry a code of the list, and the
 * server's own answers about the request's text. Everything else becomes
 * INTERNAL, and its message, cause and stack go to the log under the same
 * request id.
 */
export function maskError(error: unknown, audience: ErrorAudience): GraphQLFormattedError {
  const verdict = judge(error);
  if (verdict.code === 'INTERNAL') {
    audience.log.error({ err: error, requestId: audience.requestId }, 'internal error masked');
  }
  return formatted(verdict, error, audience.requestId);
}

/** Masks every error of a result and leaves its data and paths untouched. */
export function maskErrors(
  errors: readonly unknown[],
  audience: ErrorAudience,
): GraphQLFormattedError[] {
  return errors.map((error) => maskError(error, audience));
}

/** Several request errors at once, such as the findings of validation. */
export class RequestErrors extends Error {
  readonly errors: readonly GraphQLError[];

  constructor(errors: readonly GraphQLError[]) {
    super(errors[0]?.message ?? 'The request was refused.');
    this.errors = errors;
  }
}

/** The masked errors behind anything thrown while a request was being prepared or run. */
export function maskThrown(thrown: unknown, audience: ErrorAudience): GraphQLFormattedError[] {
  return thrown instanceof RequestErrors
    ? maskErrors(thrown.errors, audience)
    : [maskError(thrown, audience)];
}

/** The HTTP status for a request that was refused before anything ran. */
export function httpStatusOf(error: GraphQLFormattedError): number {
  return statuses[String(error.extensions?.['code'])] ?? 400;
}

const statuses: Partial<Record<string, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  RATE_LIMITED: 429,
  INTERNAL: 500,
  SUBGRAPH_UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

const internalMessage =
  'Something went wrong on our side. Try again, and quote the request id if it stays.';

/** Codes the GraphQL server itself answers with; their messages speak of the client's own text. */
const serverCodes: ReadonlySet<string> = new Set([
  'BAD_REQUEST',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'PERSISTED_QUERY_NOT_IN_LIST',
  'PERSISTED_QUERY_ID_REQUIRED',
  'QUERY_NOT_IN_SAFELIST',
  'CANNOT_SEND_PQ_ID_AND_BODY',
]);

const publicCodes: ReadonlySet<string> = new Set(errorCodes.filter((code) => code !== 'INTERNAL'));

const retryableCodes: ReadonlySet<string> = new Set<ErrorCode>([
  'RATE_LIMITED',
  'DEADLINE_EXCEEDED',
  'PROVIDER_UNAVAILABLE',
  'SUBGRAPH_UNAVAILABLE',
]);

interface Verdict {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
}

function judge(error: unknown): Verdict {
  const forgeError = forgeErrorBehind(error);
  if (forgeError) {
    return verdict(forgeError.code, forgeError.message, forgeError);
  }
  if (!isGraphQLErrorLike(error)) return internal;
  const { code, serviceName, retryable, retryAfterMs } = error.extensions ?? {};
  if (typeof code !== 'string') return internal;
  const spokenByServer = serviceName === undefined && serverCodes.has(code);
  if (!spokenByServer && !publicCodes.has(code)) return internal;
  return verdict(code, error.message, { retryable, retryAfterMs });
}

const internal: Verdict = {
  code: 'INTERNAL',
  message: internalMessage,
  retryable: false,
  retryAfterMs: undefined,
};

function verdict(
  code: string,
  message: string,
  hints: { readonly retryable?: unknown; readonly retryAfterMs?: unknown },
): Verdict {
  if (code === 'INTERNAL') return internal;
  return {
    code,
    message,
    retryable: typeof hints.retryable === 'boolean' ? hints.retryable : retryableCodes.has(code),
    retryAfterMs: typeof hints.retryAfterMs === 'number' ? hints.retryAfterMs : undefined,
  };
}

function forgeErrorBehind(error: unknown): ForgeError | undefined {
  if (error instanceof ForgeError) return error;
  return error instanceof GraphQLError && error.originalError instanceof ForgeError
    ? error.originalError
    : undefined;
}

interface GraphQLErrorLike extends GraphQLFormattedError {
  readonly message: string;
}

function isGraphQLErrorLike(error: unknown): error is GraphQLErrorLike {
  return typeof error === 'object' && error !== null && 'message' in error;
}

function formatted(
  { code, message, retryable, retryAfterMs }: Verdict,
  error: unknown,
  requestId: string,
): GraphQLFormattedError {
  const place = isGraphQLErrorLike(error) && !(error instanceof ForgeError) ? error : undefined;
  return {
    message,
    ...(place?.locations ? { locations: place.locations } : {}),
    ...(place?.path ? { path: place.path } : {}),
    extensions: {
      code,
      requestId,
      retryable,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      docs: `docs/errors.md#${code.toLowerCase()}`,
    },
  };
}
