/** A refusal as an API server words it: thrown by whatever handles a request. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code: number;
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: number, reason: string, message: string, retryAfterSeconds?: number) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  get body(): Record<string, unknown> {
    const { code, reason, message, retryAfterSeconds } = this;
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      details: { ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) },
      code,
    };
  }
}

export function notFound(plural: string, name: string): StatusError {
  return new StatusError(404, 'NotFound', `${plural} "${name}" not found`);
}

export function expired(message: string): StatusError {
  return new StatusError(410, 'Expired', message);
}

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** The reason that an API server gives with a code. */
export function reasonOf(code: number): string {
  return reasons[code] ?? 'Unknown';
}
