import { ForgeError } from '../../subgraphs/shared/errors.ts';

/** Ends a stream whose source is another one on the graph that is served now. */
export function graphChanged(): ForgeError {
  return comeBack('SUBGRAPH_UNAVAILABLE', 'The graph has changed.');
}

/** Ends a stream that was opened with rights which its reader no longer has. */
export function rightsChanged(): ForgeError {
  return comeBack('UNAUTHENTICATED', 'Your new token has other rights than the stream.');
}

/** Ends every stream of a gateway that stops. */
export function restarting(): ForgeError {
  return comeBack('SUBGRAPH_UNAVAILABLE', 'The gateway is restarting.');
}

function comeBack(code: 'SUBGRAPH_UNAVAILABLE' | 'UNAUTHENTICATED', why: string): ForgeError {
  return new ForgeError(code, `${why} Subscribe again, after the last cursor you have.`, {
    retryable: true,
    retryAfterMs: jitteredRetryMs(),
  });
}

/** Spreads the clients' return, so that they do not all come at once. */
export function jitteredRetryMs(): number {
  return 200 + Math.floor(Math.random() * retryMsMax);
}

const retryMsMax = 5_000;
