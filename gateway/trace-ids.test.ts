import { describe, expect, it } from '@jest/globals';
import { newTraceparent } from './trace-ids.ts';

describe('the head of a trace', () => {
  it('is well formed, each another, and says whether it is recorded', () => {
    const made = Array.from({ length: 1_000 }, () => newTraceparent(true));
    for (const one of made) expect(one).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(new Set(made.map((one) => one.slice(3, 35))).size).toBe(1_000);
    expect(new Set(made.map((one) => one.slice(36, 52))).size).toBe(1_000);
    expect(newTraceparent(false)).toMatch(/-00$/);
  });
});
