import type { Identity } from '../../subgraphs/shared/auth.ts';
import { ForgeError } from '../../subgraphs/shared/errors.ts';

/** Checks a token and says who speaks. Throws a ForgeError UNAUTHENTICATED for any other token. */
export type TokenVerifier = (jwt: string) => Promise<Identity>;

/**
 * Says who is calling, from the value of an `Authorization` header or of the
 * same member of a WebSocket's first message. Without a verifier everybody may
 * call and nobody has an identity.
 */
export async function authenticate(
  authorization: string | undefined,
  verifyToken: TokenVerifier | undefined,
): Promise<Identity | undefined> {
  if (!verifyToken) return undefined;
  if (authorization === undefined) {
    throw new ForgeError(
      'UNAUTHENTICATED',
      'Send a token: the header "Authorization: Bearer <JWT>" is missing.',
    );
  }
  const [, token] = bearer.exec(authorization) ?? [];
  if (token === undefined) {
    throw new ForgeError('UNAUTHENTICATED', 'The Authorization header is not "Bearer <JWT>".');
  }
  return verifyToken(token);
}

const bearer = /^Bearer +([\w.~+/=-]+) *$/i;

/** What ends a stream whose token has run out. */
export function tokenExpired(): ForgeError {
  return new ForgeError('UNAUTHENTICATED', 'token expired');
}

/** Calls back when an identity ends. Gives the function that forgets about it. */
export function whenExpired(identity: Identity | undefined, callback: () => void): () => void {
  if (!identity) return () => undefined;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const leftMs = identity.expiresAt.getTime() - Date.now();
    // Node's timers end early beyond 24.8 days.
    timer = setTimeout(
      leftMs > timerMsMax ? wait : callback,
      Math.min(Math.max(leftMs, 0), timerMsMax),
    );
  };
  wait();
  return () => {
    clearTimeout(timer);
  };
}

const timerMsMax = 2_000_000_000;
