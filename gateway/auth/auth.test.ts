import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { authenticate, whenExpired } from './auth.ts';

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

describe('whenExpired', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('calls back at the end of the token, even one of many months', () => {
    const days = 24 * 3_600_000;
    let ended = 0;
    whenExpired(until(new Date(Date.now() + 100 * days)), () => {
      ended += 1;
    });
    jest.advanceTimersByTime(99 * days);
    expect(ended).toBe(0);
    jest.advanceTimersByTime(days + 1);
    expect(ended).toBe(1);
  });

  it('calls back at once for a token that is over, and never when it was forgotten', () => {
    const call = jest.fn();
    whenExpired(until(new Date(Date.now() - 1)), call);
    jest.advanceTimersByTime(1);
    expect(call).toHaveBeenCalledTimes(1);
    whenExpired(until(new Date(Date.now() + 10)), call)();
    whenExpired(undefined, call);
    jest.advanceTimersByTime(1_000);
    expect(call).toHaveBeenCalledTimes(1);
  });
});
