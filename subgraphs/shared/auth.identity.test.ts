import { describe, expect, it } from '@jest/globals';
import { SignJWT, UnsecuredJWT } from 'jose';
import type { JWTPayload } from 'jose';
import { signIdentity, verifyIdentity } from './auth.ts';
import type { Identity } from './auth.ts';

const keys = { identity: new Uint8Array(32).fill(4) };
const unauthenticated = { code: 'UNAUTHENTICATED', retryable: false };

const alice: Identity = {
  tenant: 'acme',
  actor: { type: 'user', id: 'alice' },
  scopes: ['role:viewer'],
  expiresAt: new Date('2030-01-01T00:00:00.000Z'),
};

describe('a signed identity', () => {
  const use = { audience: 'billing', operationHash: 'hash-of-the-operation' };

  it('says to the subgraph what the gateway knows', async () => {
    expect(await verifyIdentity(keys, await signIdentity(keys, alice, use), use)).toEqual(alice);
  });

  it.each([
    ['another subgraph', { ...use, audience: 'sandbox' }],
    ['another operation', { ...use, operationHash: 'hash-of-another' }],
    ['no operation', { ...use, operationHash: '' }],
  ])('is of no use for %s', async (_name, other) => {
    const signed = await signIdentity(keys, alice, use);
    await expect(verifyIdentity(keys, signed, other)).rejects.toMatchObject(unauthenticated);
  });

  it('is of no use under another key, unsigned, or as any other text', async () => {
    const others = [
      await signIdentity({ identity: new Uint8Array(32) }, alice, use),
      new UnsecuredJWT({ ...alice, op: use.operationHash }).setAudience('billing').encode(),
      '',
      'a.b.c',
    ];
    for (const text of others) {
      await expect(verifyIdentity(keys, text, use)).rejects.toMatchObject(unauthenticated);
    }
  });

  it('is of no use after a minute', async () => {
    const old = await new SignJWT({ ...alice, op: use.operationHash })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer('forge-gateway')
      .setAudience('billing')
      .setExpirationTime(Math.floor(Date.now() / 1_000) - 6)
      .sign(keys.identity);
    await expect(verifyIdentity(keys, old, use)).rejects.toMatchObject(unauthenticated);
    const [, payload = ''] = (await signIdentity(keys, alice, use)).split('.');
    const { exp, iat } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as JWTPayload;
    expect((exp ?? 0) - (iat ?? 0)).toBe(60);
  });
});
