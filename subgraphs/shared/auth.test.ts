import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { base64url, exportJWK, generateKeyPair, importPKCS8, SignJWT, UnsecuredJWT } from 'jose';
import type { CryptoKey, JWTPayload } from 'jose';
import { can, permissions } from './access.ts';
import { createTokenVerifier, signActorToken, signIdentity, verifyIdentity } from './auth.ts';
import { answer, startFaultyServer } from './fixtures/faulty-server.ts';
import type { TokenRules, TokenVerifier } from './auth.ts';

const issuer = 'https://issuer.example';
const keys = { platform: new Uint8Array(32).fill(3), identity: new Uint8Array(32).fill(4) };
const now = () => Math.floor(Date.now() / 1_000);

let folder: string;
let jwks: { readonly keys: object[] };
let privateKey: CryptoKey;
let publicPem: string;
let verify: TokenVerifier;
const rules = (change: Partial<TokenRules> = {}): TokenRules => ({
  issuer,
  audience: 'forge',
  jwks: { file: join(folder, 'jwks.json') },
  ...change,
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'forge-auth-'));
  const pair = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  publicPem = pair.publicKey;
  privateKey = await importPKCS8(pair.privateKey, 'ES256', { extractable: true });
  const { d: _private, ...jwk } = await exportJWK(privateKey);
  jwks = { keys: [{ ...jwk, kid: 'k1', alg: 'ES256', use: 'sig' }] };
  writeFileSync(join(folder, 'jwks.json'), JSON.stringify(jwks));
  verify = createTokenVerifier(rules(), keys);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A good token, but for what is changed; a member that is undefined is left out. */
function token(change: JWTPayload = {}, key: CryptoKey = privateKey): Promise<string> {
  const good = { iss: issuer, aud: 'forge', sub: 'alice', tenant: 'acme', exp: now() + 60 };
  return new SignJWT({ ...good, scope: 'sandbox:read', ...change })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .sign(key);
}

const unauthenticated = { code: 'UNAUTHENTICATED', retryable: false };

describe('a partner’s token', () => {
  it('says who speaks, for which tenant, with which scopes and until when', async () => {
    const exp = now() + 60;
    expect(await verify(await token({ exp, scope: 'sandbox:read  role:viewer ' }))).toEqual({
      tenant: 'acme',
      actor: { type: 'user', id: 'alice' },
      scopes: ['sandbox:read', 'role:viewer'],
      expiresAt: new Date(exp * 1_000),
    });
  });

  it.each(['user', 'service', 'ai-employee'])('may speak for a %s', async (type) => {
    const { actor } = await verify(await token({ actor_type: type }));
    expect(actor.type).toBe(type);
  });

  it('is told to have expired once it has, five seconds of clock difference apart', async () => {
    await expect(verify(await token({ exp: now() - 8 }))).rejects.toMatchObject({
      ...unauthenticated,
      message: 'The token has expired.',
    });
    await expect(verify(await token({ exp: now() - 1 }))).resolves.toBeDefined();
  });

  it.each<[string, JWTPayload]>([
    ['not yet valid', { nbf: now() + 60 }],
    ['of another issuer', { iss: 'https://other.example' }],
    ['of an issuer that begins alike', { iss: `${issuer}/` }],
    ['without an issuer', { iss: undefined as never }],
    ['for another audience', { aud: 'other' }],
    ['without an audience', { aud: undefined as never }],
    ['without an expiry', { exp: undefined as never }],
    ['with an expiry that no date can hold', { exp: 9_999_999_999_999 }],
    ['without a subject', { sub: undefined as never }],
    ['with an empty subject', { sub: '' }],
    ['with a subject of more than 200 characters', { sub: 'x'.repeat(201) }],
    ['without a tenant', { tenant: undefined }],
    ['with a tenant that is no text', { tenant: ['acme'] }],
    ['with scopes that are no text', { scope: ['role:admin'] }],
    ['of an unknown kind of actor', { actor_type: 'root' }],
    ['with a kind of actor that is null', { actor_type: null }],
  ])('is refused when it is %s', async (_name, change) => {
    await expect(verify(await token(change))).rejects.toMatchObject(unauthenticated);
  });

  it.each([
    '',
    'Acme',
    'acme ',
    '-acme',
    'acme/globex',
    '../acme',
    'acme\n',
    'acme\u0000',
    'acmé',
    "acme'; drop table job; --",
    '__proto__',
    'a'.repeat(64),
  ])('is refused for the tenant %j', async (tenant) => {
    await expect(verify(await token({ tenant }))).rejects.toMatchObject(unauthenticated);
  });

  it.each(['a', '0', 'acme-2', 'a'.repeat(63)])('may name the tenant "%s"', async (tenant) => {
    expect((await verify(await token({ tenant }))).tenant).toBe(tenant);
  });

  it('brings at most 200 scopes, and none of them more than it says', async () => {
    const many = Array.from({ length: 5_000 }, (_, n) => `scope-${String(n)}`);
    const { scopes } = await verify(await token({ scope: many.join(' ') }));
    expect(scopes).toEqual(many.slice(0, 200));
  });

  it('brings nothing by scopes that nobody knows, and nothing without any', async () => {
    for (const scope of ['admin role:root sandbox:* openid', '', undefined]) {
      const identity = await verify(await token({ scope }));
      expect(permissions.filter((permission) => can(identity, permission))).toEqual([]);
    }
  });

  it('is good with any audience among several', async () => {
    await expect(verify(await token({ aud: ['other', 'forge'] }))).resolves.toBeDefined();
  });
});

describe('a token that was not signed by the issuer', () => {
  const claims = { sub: 'alice', tenant: 'acme', iss: issuer, aud: 'forge' };

  it('is refused when it is not signed at all', async () => {
    const none = new UnsecuredJWT(claims).setExpirationTime('1m').encode();
    await expect(verify(none)).rejects.toMatchObject(unauthenticated);
    const [, payload = ''] = none.split('.');
    for (const alg of ['none', 'None', 'NONE', '']) {
      const header = base64url.encode(JSON.stringify({ alg, kid: 'k1' }));
      await expect(verify(`${header}.${payload}.`)).rejects.toMatchObject(unauthenticated);
    }
  });

  it('is refused when the public key was used as a shared secret', async () => {
    const published = [publicPem, publicPem.trim(), JSON.stringify(jwks.keys[0])];
    for (const secret of published) {
      const forged = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
        .setExpirationTime('1m')
        .sign(new TextEncoder().encode(secret));
      await expect(verify(forged)).rejects.toMatchObject(unauthenticated);
    }
  });

  it('is refused when another key of the same kind signed it', async () => {
    const { privateKey: other } = await generateKeyPair('ES256');
    await expect(verify(await token({}, other))).rejects.toMatchObject(unauthenticated);
  });

  it('is refused when it brings its own key', async () => {
    const { privateKey: other, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const forged = await new SignJWT(claims)
      .setProtectedHeader({
        alg: 'ES256',
        kid: 'k1',
        jwk: await exportJWK(publicKey),
        jku: 'https://evil.example/jwks.json',
      })
      .setExpirationTime('1m')
      .sign(other);
    await expect(verify(forged)).rejects.toMatchObject(unauthenticated);
  });

  it('is refused when anything of it was changed', async () => {
    const good = await token();
    const places = fc.integer({ min: 0, max: good.length - 3 });
    const characters = fc.string({ minLength: 1, maxLength: 2, unit: 'grapheme-ascii' });
    await fc.assert(
      fc.asyncProperty(places, characters, async (at, text) => {
        const changed = good.slice(0, at) + text + good.slice(at + text.length);
        if (changed === good) return;
        await expect(verify(changed)).rejects.toMatchObject(unauthenticated);
      }),
    );
  });

  it('is refused when it is no token', async () => {
    const parts = fc.oneof(fc.string(), fc.base64String(), fc.json().map(base64url.encode));
    await fc.assert(
      fc.asyncProperty(fc.array(parts, { maxLength: 4 }), async (all) => {
        await expect(verify(all.join('.'))).rejects.toMatchObject(unauthenticated);
      }),
    );
  });
});

describe('a token that cannot be checked', () => {
  it.each<[string, number, string]>([
    ['is broken', 500, 'out of order'],
    ['moved', 302, ''],
    ['answers with a page', 200, '<html>'],
    ['answers with something else', 200, '{"keys":1}'],
  ])('is not called wrong: the issuer %s', async (_name, status, body) => {
    const server = await startFaultyServer();
    server.behaviours = [answer(status, body)];
    const remote = createTokenVerifier(rules({ jwks: { url: new URL(server.url) } }), keys);
    await expect(remote(await token())).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      retryable: true,
    });
    await server.close();
    await expect(remote(await token())).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
  });

  it('is good as soon as the issuer publishes its keys, which are asked for once', async () => {
    const server = await startFaultyServer();
    server.behaviours = [answer(200, JSON.stringify(jwks))];
    const remote = createTokenVerifier(rules({ jwks: { url: new URL(server.url) } }), keys);
    await remote(await token());
    await remote(await token());
    expect(server.asked).toHaveLength(1);
    await server.close();
  });

  it('waits for the development issuer’s file', async () => {
    const file = join(folder, 'later.json');
    const later = createTokenVerifier(rules({ jwks: { file } }), keys);
    await expect(later(await token())).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
    writeFileSync(file, JSON.stringify(jwks));
    await expect(later(await token())).resolves.toMatchObject({ tenant: 'acme' });
  });
});

describe('a token of the platform’s own actors', () => {
  const claims = {
    tenant: 'acme',
    actor: { type: 'ai-employee', id: 'emp_1' },
    scopes: ['sandbox:read', 'verticals:write'],
    ttlSeconds: 300,
  } as const;

  it('says for which tenant and with which scopes the actor was lent them', async () => {
    const identity = await verify(await signActorToken(keys, claims));
    const { ttlSeconds, ...same } = claims;
    expect(identity).toMatchObject(same);
    const leftMs = identity.expiresAt.getTime() - Date.now();
    expect(leftMs).toBeLessThanOrEqual(ttlSeconds * 1_000);
    expect(leftMs).toBeGreaterThan(ttlSeconds * 1_000 - 5_000);
  });

  it('ends with its time', async () => {
    const old = await signActorToken(keys, { ...claims, ttlSeconds: -30 });
    await expect(verify(old)).rejects.toMatchObject(unauthenticated);
  });

  it('cannot be made with a partner’s key', async () => {
    const forged = await token({ iss: 'forge-platform', aud: 'forge-gateway' });
    await expect(verify(forged)).rejects.toMatchObject(unauthenticated);
  });

  it('does not make tokens of a partner', async () => {
    const forged = await new SignJWT({ sub: 'alice', tenant: 'acme', iss: issuer, aud: 'forge' })
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .setExpirationTime('1m')
      .sign(keys.platform);
    await expect(verify(forged)).rejects.toMatchObject(unauthenticated);
  });

  it('is refused when it was made for something else', async () => {
    const signed = await new SignJWT({ tenant: 'acme' })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer('forge-platform')
      .setAudience('forge-mail')
      .setSubject('emp_1')
      .setExpirationTime('1m')
      .sign(keys.platform);
    await expect(verify(signed)).rejects.toMatchObject(unauthenticated);
  });

  it('is refused with another platform’s key, and where there is none', async () => {
    const signed = await signActorToken({ platform: new Uint8Array(32).fill(9) }, claims);
    await expect(verify(signed)).rejects.toMatchObject(unauthenticated);
    const partnersOnly = createTokenVerifier(rules(), undefined);
    const good = await signActorToken(keys, claims);
    await expect(partnersOnly(good)).rejects.toMatchObject(unauthenticated);
  });

  it('is no signed identity, and a signed identity is no token, even under one key', async () => {
    const one = { platform: keys.platform, identity: keys.platform };
    const use = { audience: 'forge-gateway', operationHash: 'h' };
    const actor = await signActorToken(one, claims);
    await expect(verifyIdentity(one, actor, use)).rejects.toMatchObject(unauthenticated);
    const alice = { ...claims, expiresAt: new Date() };
    await expect(verify(await signIdentity(one, alice, use))).rejects.toMatchObject(
      unauthenticated,
    );
  });

  it.each([
    ['a tenant that is none', { tenant: 'No Tenant' }],
    ['an actor without a name', { actor: { type: 'service', id: '' } }],
  ] as const)('is held to the same rules: %s', async (_name, change) => {
    const signed = await signActorToken(keys, { ...claims, ...change });
    await expect(verify(signed)).rejects.toMatchObject(unauthenticated);
  });
});
