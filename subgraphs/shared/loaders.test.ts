import { describe, expect, it, jest } from '@jest/globals';
import type { Context } from './context.ts';
import { createLoad, defineLoader } from './loaders.ts';

const ctx = { tenant: 'acme' } as Context;

function doubling() {
  const asked: (readonly number[])[] = [];
  const loader = defineLoader<number, number>('double', async (_ctx, keys) => {
    asked.push(keys);
    return new Map(keys.filter((key) => key >= 0).map((key) => [key, key * 2]));
  });
  return { asked, loader };
}

describe('createLoad', () => {
  it('puts all keys that are asked for in one turn into one query', async () => {
    const { asked, loader } = doubling();
    const load = createLoad(() => ctx);
    expect(await Promise.all([load(loader, 1), load(loader, 2), load(loader, 3)])).toEqual([
      2, 4, 6,
    ]);
    expect(asked).toEqual([[1, 2, 3]]);
  });

  it('asks for a key once in a request, however often and whenever it is needed', async () => {
    const { asked, loader } = doubling();
    const load = createLoad(() => ctx);
    await Promise.all([load(loader, 1), load(loader, 1)]);
    expect(await load(loader, 1)).toBe(2);
    expect(asked).toEqual([[1]]);
  });

  it('asks again in the next request, which sees things as they are then', async () => {
    const { asked, loader } = doubling();
    await createLoad(() => ctx)(loader, 1);
    await createLoad(() => ctx)(loader, 1);
    expect(asked).toEqual([[1], [1]]);
  });

  it('gives undefined for what does not exist', async () => {
    const { loader } = doubling();
    expect(await createLoad(() => ctx)(loader, -1)).toBeUndefined();
  });

  it('gives each key its own value, in whatever order the rows come', async () => {
    const loader = defineLoader<string, string>('reversed', async (_ctx, keys) => {
      return new Map(keys.toReversed().map((key) => [key, key.toUpperCase()]));
    });
    const load = createLoad(() => ctx);
    expect(await Promise.all(['a', 'b', 'c'].map((key) => load(loader, key)))).toEqual([
      'A',
      'B',
      'C',
    ]);
  });

  it('keeps questions apart, also of one name', async () => {
    const one = doubling();
    const other = defineLoader<number, number>('double', async (_ctx, keys) => {
      return new Map(keys.map((key) => [key, key * 3]));
    });
    const load = createLoad(() => ctx);
    expect(await Promise.all([load(one.loader, 1), load(other, 1)])).toEqual([2, 3]);
  });

  it('asks for at most 500 keys in one query', async () => {
    const { asked, loader } = doubling();
    const load = createLoad(() => ctx);
    await Promise.all(Array.from({ length: 1_201 }, (_, key) => load(loader, key)));
    expect(asked.map((keys) => keys.length)).toEqual([500, 500, 201]);
  });

  it('asks on behalf of the request', async () => {
    const read = jest.fn(async (_ctx: Context, _keys: readonly string[]) => new Map());
    await createLoad(() => ctx)(defineLoader('any', read), 'key');
    expect(read).toHaveBeenCalledWith(ctx, ['key']);
  });

  it('fails for everybody who asked when the query fails', async () => {
    const loader = defineLoader<number, number>('broken', async () => {
      throw new Error('the database is away');
    });
    const load = createLoad(() => ctx);
    const told = await Promise.allSettled([load(loader, 1), load(loader, 2)]);
    expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
