import { join } from 'node:path';
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';
import type { JWK } from 'jose';
import { permissions } from '../../subgraphs/shared/access.ts';
import type { Config } from '../../subgraphs/shared/config.ts';
import { readOrMake } from '../../subgraphs/shared/keys.ts';

const algorithm = 'ES256';
const keyId = 'development';

export interface TokenRequest {
  readonly tenant: string;
  readonly subject: string;
  /** Separated by spaces. */
  readonly scopes: string;
  readonly ttlSeconds: number;
}

export const allScopes = permissions.join(' ');

/**
 * Sees to it that the development issuer has its keys: a private one in the data
 * folder, readable by its owner only, and the public one where the gateway looks.
 * In production there is no such issuer.
 */
export async function ensureIssuer({ auth, production, dataDir }: Config): Promise<void> {
  if (production || !auth.development || !('file' in auth.jwks)) return;
  const made = await generateKeyPair(algorithm, { extractable: true });
  const privateJwk = await exportJWK(made.privateKey);
  const kept = JSON.parse(
    readOrMake(privateKeyPath(dataDir), () => JSON.stringify(privateJwk)),
  ) as JWK;
  const { kty, crv, x, y } = kept;
  const publicJwk = { kty, crv, x, y, kid: keyId, alg: algorithm, use: 'sig' };
  readOrMake(auth.jwks.file, () => JSON.stringify({ keys: [publicJwk] }));
}

/** Makes a development token, as a partner's identity provider would. */
export async function developmentToken(config: Config, request: TokenRequest): Promise<string> {
  if (config.production || !config.auth.development) {
    throw new Error('Tokens come from FORGE_ISSUER here: the development issuer is off.');
  }
  await ensureIssuer(config);
  const { tenant, subject, scopes, ttlSeconds } = request;
  const path = privateKeyPath(config.dataDir);
  const key = await importJWK(JSON.parse(readOrMake(path, () => '')) as JWK, algorithm);
  return new SignJWT({ tenant, scope: scopes })
    .setProtectedHeader({ alg: algorithm, kid: keyId })
    .setIssuer(config.auth.issuer)
    .setAudience(config.auth.audience)
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1_000) + ttlSeconds)
    .sign(key);
}

function privateKeyPath(dataDir: string): string {
  return join(dataDir, 'development-issuer', 'private-key.json');
}
