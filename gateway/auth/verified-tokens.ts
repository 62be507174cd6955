import type { Identity } from '../../subgraphs/shared/auth.ts';
import type { TokenVerifier } from './auth.ts';
import { Lru } from '../operations/lru.ts';

/**
 * Remembers who a token spoke for, since checking a signature costs more than
 * the rest of a small request. For half a minute and never past the token's
 * end: so long does a key that its issuer has withdrawn still open the door.
 */
export function rememberingTokens(
  verify: TokenVerifier,
  now: () => number = Date.now,
): TokenVerifier {
  const known = new Lru<Remembered>(tokensKept);
  return async (token) => {
    const remembered = known.get(token);
    if (remembered && remembered.goodUntil > now()) return remembered.identity;
    const identity = await verify(token);
    const goodUntil = Math.min(now() + rememberedMs, identity.expiresAt.getTime());
    known.set(token, { identity, goodUntil });
    return identity;
  };
}

interface Remembered {
  readonly identity: Identity;
  readonly goodUntil: number;
}

const rememberedMs = 30_000;
const tokensKept = { entriesMax: 10_000, charactersMax: 10_000_000 };
