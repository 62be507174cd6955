import type { ServerResponse } from 'node:http';
import type { FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import { tokenExpired, whenExpired } from '../auth/auth.ts';
import { maskThrown } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { Caller } from '../scope.ts';
import type { Events } from '../subscriptions/subscriptions.ts';

/** How one protocol writes results onto an HTTP response. */
export interface StreamFormat {
  readonly contentType: string;
  /** Written at once, so that clients and proxies know the stream is open. */
  readonly opening: string;
  readonly heartbeat: string;
  event(result: FormattedExecutionResult): string;
  /** The stream ends by a failure, not because it is complete. */
  fatal(errors: readonly GraphQLFormattedError[]): string;
  readonly end: string;
}

/** The streams that are open, so that a shutdown can end them. */
export interface OpenStreams {
  add(events: Events): () => void;
  end(reason: unknown): void;
}

export function openStreams(): OpenStreams {
  const open = new Set<Events>();
  return {
    add(events) {
      open.add(events);
      return () => {
        open.delete(events);
      };
    },
    end(reason) {
      for (const events of open) events.end(reason);
    },
  };
}

/**
 * Writes a stream of results to a response until it ends, fails, or the client
 * leaves; leaving closes the source at once.
 *
 * The next result is asked for only when the socket has room for it, so a slow
 * client holds at most the socket's buffer and one result. The stream ends
 * when the caller's token does.
 */
export async function writeStream(
  response: ServerResponse,
  events: Events,
  format: StreamFormat,
  options: { readonly caller: Caller; readonly limits: Limits; readonly open: OpenStreams },
): Promise<void> {
  const { caller, limits } = options;
  const leave = (): void => {
    void events.return(undefined);
  };
  response.once('close', leave);
  if (response.destroyed) leave();
  const forgetStream = options.open.add(events);
  const forgetExpiry = whenExpired(caller.identity, () => {
    events.end(tokenExpired());
  });
  response.writeHead(200, {
    'content-type': format.contentType,
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  });
  response.write(format.opening);
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(format.heartbeat);
  }, limits.heartbeatMs);
  try {
    for await (const result of events) {
      if (!response.write(format.event(result))) await writable(response, limits.stallTimeoutMs);
    }
    response.end(format.end);
  } catch (cause) {
    response.end(format.fatal(maskThrown(cause, caller)));
  } finally {
    clearInterval(heartbeat);
    forgetExpiry();
    forgetStream();
    response.off('close', leave);
  }
}

/** Waits for a slow client; cuts one that has taken nothing for too long, to come back by cursor. */
function writable(response: ServerResponse, stallTimeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) {
      resolve();
      return;
    }
    const stalled = setTimeout(() => {
      response.destroy();
    }, stallTimeoutMs);
    const done = (): void => {
      clearTimeout(stalled);
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}
