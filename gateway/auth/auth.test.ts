import { describe, expect, it } from '@jest/globals';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { authenticate } from './auth.ts';

function until(expiresAt: Date): Identity {
  return { tenant: 'acme', actor: { type: 'user', id: 'alice' }, scopes: [], expiresAt };
}

describe('authenticate', () => {
  const seen: string[] = [];
  const verify = (token: string) => {
    seen.push(token);
    return Promise.resolve(until(new Date()));
  };

  it.each(['Bearer a.b-c_d', 'bearer a.b-c_d', 'Bearer  a.b-c_d '])(
    'reads the token of "%s"',
    async (header) => {
      seen.length = 0;
      await authenticate(header, verify);
      expect(seen).toEqual(['a.b-c_d']);
    },
  );

  it.each([undefined, '', 'Bearer', 'Bearer ', 'Basic abc', 'Bearer a b', 'abc', 'Bearer a\n'])(
    'refuses "%s" without asking the verifier',
    async (header) => {
      seen.length = 0;
      await expect(authenticate(header, verify)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
      expect(seen).toEqual([]);
    },
  );
});
