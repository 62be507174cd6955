import { describe, expect, it } from '@jest/globals';
import { Kept } from './kept.ts';

describe('what is kept', () => {
  it('weighs no more than it may, and is what was used last', () => {
    const kept = new Kept<{ readonly name: string }>(10);
    for (const name of ['a', 'b', 'c']) {
      kept.set(name, { name }, 4);
      kept.get('a');
    }
    expect(['a', 'b', 'c'].map((name) => kept.get(name)?.name)).toEqual(['a', undefined, 'c']);
    kept.set('huge', { name: 'huge' }, 99);
    expect(kept.get('a')).toBeUndefined();
    expect(kept.get('huge')).toBeDefined();
  });

  it('tells what it drops, and how often it had what was looked for', () => {
    const dropped: string[] = [];
    const kept = new Kept<{ readonly name: string }>(10, ({ name }) => dropped.push(name));
    for (const name of ['a', 'b', 'c']) kept.set(name, { name }, 4);
    kept.get('a');
    kept.get('c');
    expect(dropped).toEqual(['a']);
    const { entries, bytes, hits, misses } = kept;
    expect({ entries, bytes, hits, misses }).toEqual({ entries: 2, bytes: 8, hits: 1, misses: 1 });
  });
});
