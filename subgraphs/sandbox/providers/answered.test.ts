import { describe, expect, it } from '@jest/globals';
import { ForgeError } from '../../shared/errors.ts';
import { answeredBy } from './answered.ts';

describe('a call of a runner', () => {
  const answered = answeredBy('The runner');
  const failing = (cause: Error) => () => Promise.reject(cause);

  it('gives the answer', async () => {
    expect(await answered('look', undefined, () => Promise.resolve(7))).toBe(7);
  });

  it('that gets no answer says so, that it may be asked again, and why', async () => {
    const cause = new Error('broken');
    await expect(answered('look', undefined, failing(cause))).rejects.toMatchObject({
      ...{ code: 'PROVIDER_UNAVAILABLE', retryable: true, cause },
      message: 'The runner gave no answer to "look".',
    });
  });

  it('hands on what was said in our own words', async () => {
    const said = new ForgeError('NOT_FOUND', 'no');
    await expect(answered('look', undefined, failing(said))).rejects.toBe(said);
  });

  it('that is given up throws the reason, and asks nothing when that was before', async () => {
    const reason = new Error('given up');
    const call = { signal: AbortSignal.abort(reason) };
    let asked = 0;
    const ask = () => {
      asked += 1;
      return Promise.resolve();
    };
    await expect(answered('look', call, ask)).rejects.toBe(reason);
    expect(asked).toBe(0);
    const later = new AbortController();
    const giving = answered('look', later, () => {
      later.abort(reason);
      return Promise.reject(new Error('cut'));
    });
    await expect(giving).rejects.toBe(reason);
  });
});
