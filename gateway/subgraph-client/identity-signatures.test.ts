import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { verifyIdentity } from '../../subgraphs/shared/auth.ts';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import { identitySigner } from './identity-signatures.ts';
import { rememberingTokens } from '../auth/verified-tokens.ts';

const keys = { identity: Buffer.alloc(32, 7) };
const alice = (more: Partial<Identity> = {}): Identity => ({
  tenant: 'acme',
  actor: { type: 'user', id: 'alice' },
  scopes: ['read'],
  expiresAt: new Date(Date.now() + 3_600_000),
  ...more,
});

describe('a signature of who calls', () => {
  it('is what the subgraph checks, for its name and this operation only', async () => {
    const identity = alice();
    const signed = await identitySigner(keys, 'billing')(identity, '{ a }');
    const hash = (query: string) => createHash('sha256').update(query).digest('base64url');
    const use = { audience: 'billing', operationHash: hash('{ a }') };
    expect(await verifyIdentity(keys, signed, use)).toEqual(identity);
    for (const other of [
      { ...use, operationHash: hash('{ b }') },
      { ...use, audience: 'sandbox' },
    ]) {
      await expect(verifyIdentity(keys, signed, other)).rejects.toThrow(ForgeError);
    }
  });

  it('is used again for a third of its life, and never for anybody or anything else', async () => {
    let now = Date.now();
    const sign = identitySigner(keys, 'billing', () => now);
    const until = new Date(now + 3_600_000);
    const first = await sign(alice({ expiresAt: until }), '{ a }');
    expect(sign(alice({ expiresAt: until }), '{ a }')).toBe(first);
    for (const other of [
      alice({ expiresAt: until, tenant: 'other' }),
      alice({ expiresAt: until, scopes: ['read', 'write'] }),
      alice({ expiresAt: until, actor: { type: 'service', id: 'alice' } }),
      alice({ expiresAt: new Date(now + 1_000) }),
    ]) {
      expect(await sign(other, '{ a }')).not.toBe(first);
    }
    expect(await sign(alice({ expiresAt: until }), '{ b }')).not.toBe(first);
    now += 20_001;
    expect(sign(alice({ expiresAt: until }), '{ a }')).toBeInstanceOf(Promise);
  });
});

describe('a token that was checked', () => {
  it('is believed for half a minute, and not past its end', async () => {
    let now = 1_000_000;
    let checks = 0;
    const lifeMs = { long: 3_600_000, short: 5_000 };
    const verify = rememberingTokens(
      (token) => {
        checks += 1;
        return Promise.resolve(
          alice({ expiresAt: new Date(now + lifeMs[token as keyof typeof lifeMs]) }),
        );
      },
      () => now,
    );
    const first = await verify('long');
    expect(await verify('long')).toBe(first);
    await verify('short');
    expect(checks).toBe(2);
    now += 5_001;
    await verify('short');
    expect(checks).toBe(3);
    now += 25_000;
    await verify('long');
    expect(checks).toBe(4);
  });

  it('is checked again each time it is refused', async () => {
    let checks = 0;
    const verify = rememberingTokens(() => {
      checks += 1;
      return Promise.reject(new ForgeError('UNAUTHENTICATED', 'no'));
    });
    await expect(verify('forged')).rejects.toThrow('no');
    await expect(verify('forged')).rejects.toThrow('no');
    expect(checks).toBe(2);
  });
});
