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

/** What ends a stream whose token has run out; with a new one it may be opened again. */
export function tokenExpired(): ForgeError {
  return new ForgeError('UNAUTHENTICATED', 'token expired', { retryable: true });
}
