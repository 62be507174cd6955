import { describe, expect, it } from '@jest/globals';
import { badInput, ForgeError, notFound } from './errors.ts';

describe('ForgeError', () => {
  it('travels with its code and its hints, and never with its cause', () => {
    const cause = new Error('password authentication failed for role forge_billing');
    const error = new ForgeError('RATE_LIMITED', 'Too many requests.', {
      cause,
      retryable: true,
      retryAfterMs: 1_500,
      field: 'first',
    });
    expect(error.extensions).toEqual({
      code: 'RATE_LIMITED',
      retryable: true,
      retryAfterMs: 1_500,
      field: 'first',
    });
    expect(error.cause).toBe(cause);
    expect(error).toBeInstanceOf(Error);
  });

  it('says that asking again is of no use unless it was told so', () => {
    expect(new ForgeError('CONFLICT', 'No.').extensions).toEqual({
      code: 'CONFLICT',
      retryable: false,
    });
  });

  it('tells a wait of nothing', () => {
    expect(new ForgeError('CONFLICT', 'No.', { retryAfterMs: 0 }).extensions).toMatchObject({
      retryAfterMs: 0,
    });
  });

  it('has no cause when none is given', () => {
    expect(Object.hasOwn(new ForgeError('CONFLICT', 'No.'), 'cause')).toBe(false);
  });
});

describe('the usual answers', () => {
  it('say of a missing thing only what it would have been', () => {
    expect(notFound('Job')).toMatchObject({ code: 'NOT_FOUND', message: 'Job not found.' });
  });

  it('name the argument that cannot be used, if there is one', () => {
    expect(badInput('Too long.', 'input.name').extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'input.name',
    });
    expect(badInput('Too long.').extensions).not.toHaveProperty('field');
  });
});
