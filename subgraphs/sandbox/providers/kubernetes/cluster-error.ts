/** The API server said no, and nothing was done; or, from 500 on, that it had trouble: then it may have been. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError';
  readonly status: number;
  /** In Kubernetes' own words: `AlreadyExists`, `NotFound`, `Forbidden`, `Expired`, … */
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** There was no answer, or half of one: whether what was asked for happened is unknown. */
export class NoClusterAnswer extends Error {
  override readonly name = 'NoClusterAnswer';
  /** Nothing was sent, so nothing can have happened. */
  readonly unsent: boolean;

  constructor(what: string, cause: unknown, unsent: boolean) {
    super(`The cluster gave no answer to ${what}: ${messageOf(cause)}`, { cause });
    this.unsent = unsent;
  }
}

export function isStatus(error: unknown, ...statuses: readonly number[]): error is ClusterError {
  return error instanceof ClusterError && statuses.includes(error.status);
}

/** Reads an answer that is a refusal. A proxy in between may not speak Kubernetes. */
export function refusalFrom(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: string,
): ClusterError {
  const { reason, message } = statusIn(body);
  const after = Number(headers['retry-after']);
  return new ClusterError(
    status,
    reason ?? 'Unknown',
    message ?? (body.slice(0, 500) || `status ${status}`),
    Number.isFinite(after) && after >= 0 ? after * 1_000 : undefined,
  );
}

export function statusIn(body: string): { reason?: string; message?: string } {
  try {
    const found: unknown = JSON.parse(body);
    return typeof found === 'object' && found !== null ? found : {};
  } catch {
    return {};
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
