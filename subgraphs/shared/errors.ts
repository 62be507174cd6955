/** Every code an error can carry to a client. The list is closed: a code that is out keeps its meaning. */
export const errorCodes = [
  'BAD_USER_INPUT',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'CONFLICT',
  'IDEMPOTENCY_KEY_REUSED',
  'PRECONDITION_FAILED',
  'RATE_LIMITED',
  'LIMIT_EXCEEDED',
  'DEADLINE_EXCEEDED',
  'PROVIDER_UNAVAILABLE',
  'SUBGRAPH_UNAVAILABLE',
  'CURSOR_EXPIRED',
  'INVALID_CURSOR',
  'INTERNAL',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorHints {
  /** What went wrong underneath: for the log, never for the client. */
  readonly cause?: unknown;
  /** Whether the same call, made again, may do. */
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
  /** The argument that is wrong, as the caller writes it. */
  readonly field?: string;
}

/**
 * A failure with a message that was written for the client.
 *
 * Only what is thrown as a ForgeError other than INTERNAL is told; any other
 * error reaches the client as INTERNAL and the log as it is. A no that the
 * caller can act on is a value in the payload, not an error.
 */
export class ForgeError extends Error {
  override readonly name = 'ForgeError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly field: string | undefined;

  constructor(code: ErrorCode, message: string, hints: ErrorHints = {}) {
    super(message, hints.cause === undefined ? undefined : { cause: hints.cause });
    this.code = code;
    this.retryable = hints.retryable ?? false;
    this.retryAfterMs = hints.retryAfterMs;
    this.field = hints.field;
  }

  /** What travels with a GraphQL error, from a subgraph to the gateway. */
  get extensions(): Record<string, unknown> {
    return {
      code: this.code,
      retryable: this.retryable,
      ...(this.retryAfterMs !== undefined && { retryAfterMs: this.retryAfterMs }),
      ...(this.field !== undefined && { field: this.field }),
    };
  }
}

/** The answer for a thing that is missing, and for one that is another tenant's. */
export function notFound(what: string): ForgeError {
  return new ForgeError('NOT_FOUND', `${what} not found.`);
}

/** The answer for an argument that cannot be used; `field` names it. */
export function badInput(message: string, field?: string): ForgeError {
  return new ForgeError('BAD_USER_INPUT', message, field === undefined ? {} : { field });
}
