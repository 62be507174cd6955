import { readFileSync } from 'node:fs';
import { createLocalJWKSet, createRemoteJWKSet, decodeJwt, errors, jwtVerify, SignJWT } from 'jose';
import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey } from 'jose';
import { ForgeError } from './errors.ts';

/** Who acts. */
export interface Actor {
  readonly type: 'user' | 'service' | 'ai-employee';
  readonly id: string;
}

/** A caller whose token was checked: everything that may be known about who asks. */
export interface Identity {
  readonly tenant: string;
  readonly actor: Actor;
  readonly scopes: readonly string[];
  readonly expiresAt: Date;
}

/** Checks a token and says who speaks. Throws UNAUTHENTICATED for any other text. */
export type TokenVerifier = (jwt: string) => Promise<Identity>;

export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  /** Where the issuer publishes its keys: a URL, or a file of the development issuer. */
  readonly jwks: { readonly url: URL } | { readonly file: string };
}

/** Signatures with a public key only: nobody who can check a token can make one. */
const tokenAlgorithms = ['ES256', 'EdDSA', 'RS256', 'PS256'];
const clockToleranceSeconds = 5;
const tenantPattern = /^[a-z0-9][a-z0-9-]{0,62}$/;
const subjectLengthMax = 200;
const scopesMax = 200;
/** The last second that a date can hold. */
const expiryMax = 8_640_000_000_000;

/**
 * Makes the check of partners' tokens (RFC 7519, RFC 8725): signature by the
 * issuer's published keys, algorithm from a closed list, issuer, audience and
 * expiry. The tenant and the scopes come from the token and from nowhere else.
 * Tokens of the platform's own actors are checked with the platform's key.
 */
export function createTokenVerifier(
  rules: TokenRules,
  platformKeys: PlatformKeys | undefined,
): TokenVerifier {
  const keys = keysOf(rules.jwks);
  return async (jwt) => {
    try {
      if (platformKeys && claimsPlatform(jwt)) return await verifyActorToken(jwt, platformKeys);
      const { payload } = await jwtVerify(jwt, keys, {
        issuer: rules.issuer,
        audience: rules.audience,
        algorithms: tokenAlgorithms,
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['exp', 'sub', 'tenant'],
      });
      return identityIn(payload);
    } catch (cause) {
      if (cause instanceof ForgeError) throw cause;
      if (cannotCheck(cause)) {
        throw new ForgeError('PROVIDER_UNAVAILABLE', 'The token cannot be checked at the moment.', {
          cause,
          retryable: true,
        });
      }
      const message =
        cause instanceof errors.JWTExpired ? 'The token has expired.' : 'The token is not valid.';
      throw new ForgeError('UNAUTHENTICATED', message, { cause });
    }
  };
}

/** Whether the trouble is with the issuer's keys and says nothing about the token. */
function cannotCheck(cause: unknown): boolean {
  if (!(cause instanceof errors.JOSEError)) return true;
  // The generic code is that of an issuer which answers with anything but its keys.
  return ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'].includes(cause.code);
}

function keysOf(jwks: TokenRules['jwks']): JWTVerifyGetKey {
  if ('url' in jwks) return createRemoteJWKSet(jwks.url, { timeoutDuration: 5_000 });
  // Read at first use: the development issuer makes its keys when the product starts.
  let local: JWTVerifyGetKey | undefined;
  return (...args) => {
    local ??= createLocalJWKSet(JSON.parse(readFileSync(jwks.file, 'utf8')) as JSONWebKeySet);
    return local(...args);
  };
}

function identityIn(payload: JWTPayload): Identity {
  const { sub, exp, tenant, actor_type: actorType = 'user', scope = '' } = payload;
  const valid =
    typeof sub === 'string' &&
    sub !== '' &&
    sub.length <= subjectLengthMax &&
    typeof exp === 'number' &&
    exp <= expiryMax &&
    typeof tenant === 'string' &&
    tenantPattern.test(tenant) &&
    typeof scope === 'string' &&
    isActorType(actorType);
  if (!valid) throw new ForgeError('UNAUTHENTICATED', 'The token is not valid.');
  return {
    tenant,
    actor: { type: actorType, id: sub },
    scopes: scope.split(' ').filter(Boolean).slice(0, scopesMax),
    expiresAt: new Date(exp * 1_000),
  };
}

function isActorType(value: unknown): value is Actor['type'] {
  return value === 'user' || value === 'service' || value === 'ai-employee';
}

/** The key with which the gateway tells subgraphs who calls. */
export interface IdentityKeys {
  readonly identity: Uint8Array;
}

/** What a signed identity is good for: one subgraph and one operation. */
export interface IdentityUse {
  readonly audience: string;
  /** SHA-256 of the operation's text, base64url. */
  readonly operationHash: string;
}

/** Long enough for a call to begin; a stream is checked when it opens. */
const identityLifeSeconds = 60;
const identityAlgorithm = 'HS256';
const identityIssuer = 'forge-gateway';

/** Signs who is calling, for one subgraph and one operation, for a minute. */
export function signIdentity(
  keys: IdentityKeys,
  { tenant, actor, scopes, expiresAt }: Identity,
  { audience, operationHash }: IdentityUse,
): Promise<string> {
  return new SignJWT({ tenant, actor, scopes, until: expiresAt.getTime(), op: operationHash })
    .setProtectedHeader({ alg: identityAlgorithm })
    .setIssuer(identityIssuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(`${String(identityLifeSeconds)}s`)
    .sign(keys.identity);
}

/** Reads a signed identity. Throws UNAUTHENTICATED unless it was signed for exactly this use. */
export async function verifyIdentity(
  keys: IdentityKeys,
  jwt: string,
  { audience, operationHash }: IdentityUse,
): Promise<Identity> {
  try {
    const { payload } = await jwtVerify(jwt, keys.identity, {
      issuer: identityIssuer,
      audience,
      algorithms: [identityAlgorithm],
      clockTolerance: clockToleranceSeconds,
    });
    const claims = payload as unknown as Omit<Identity, 'expiresAt'> & {
      readonly until: number;
      readonly op: string;
    };
    if (claims.op !== operationHash) throw new Error('signed for another operation');
    const { tenant, actor, scopes, until } = claims;
    return { tenant, actor, scopes, expiresAt: new Date(until) };
  } catch (cause) {
    throw new ForgeError('UNAUTHENTICATED', 'The caller’s identity cannot be trusted.', { cause });
  }
}

/** The key with which the platform vouches for its own actors at the gateway. */
export interface PlatformKeys {
  readonly platform: Uint8Array;
}

const platformIssuer = 'forge-platform';
const platformAudience = 'forge-gateway';

/**
 * Makes the token with which an actor of the platform itself, such as an AI
 * employee, calls the gateway as any partner would: for one tenant, with the
 * scopes it was lent, for minutes.
 */
export function signActorToken(
  keys: PlatformKeys,
  claims: {
    readonly tenant: string;
    readonly actor: Actor;
    readonly scopes: readonly string[];
    readonly ttlSeconds: number;
  },
): Promise<string> {
  const { tenant, actor, scopes, ttlSeconds } = claims;
  return new SignJWT({ tenant, actor_type: actor.type, scope: scopes.join(' ') })
    .setProtectedHeader({ alg: identityAlgorithm })
    .setIssuer(platformIssuer)
    .setAudience(platformAudience)
    .setSubject(actor.id)
    .setIssuedAt()
    .setExpirationTime(`${String(ttlSeconds)}s`)
    .sign(keys.platform);
}

async function verifyActorToken(jwt: string, { platform }: PlatformKeys): Promise<Identity> {
  const { payload } = await jwtVerify(jwt, platform, {
    issuer: platformIssuer,
    audience: platformAudience,
    algorithms: [identityAlgorithm],
    clockTolerance: clockToleranceSeconds,
    requiredClaims: ['exp', 'sub', 'tenant'],
  });
  return identityIn(payload);
}

/** Only chooses the key to check with; what the token says is believed after the check. */
function claimsPlatform(jwt: string): boolean {
  try {
    return decodeJwt(jwt).iss === platformIssuer;
  } catch {
    return false;
  }
}
