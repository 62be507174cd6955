import { describe, expect, it } from '@jest/globals';
import { bubble } from './bubble.ts';
import type { Run } from './completion.ts';
import { required } from './completion.ts';
import { Shape } from './shape.ts';
import type { ShapeField } from './shape.ts';
import { Troubles } from './troubles.ts';

const run = (): Run => ({ troubles: new Troubles(), path: [] });
const field = (key: string, shown?: ShapeField['shown']): ShapeField => ({
  key,
  shown,
  complete: required((value) => (value === 'bad' ? bubble : value), `field ${key}`),
});
const shape = () =>
  new Shape([
    field('id', 'string'),
    field('count', 'int'),
    field('is', 'boolean'),
    field('any'),
    ...['constructor', '__proto__', 'toString'].map((key) => field(key)),
  ]);

describe('an object that is shown again and again', () => {
  const source: Record<string, unknown> = JSON.parse(
    '{"any":[1],"more":1,"is":true,"count":3,"id":"a","__proto__":{"b":1},"constructor":"c","toString":"t"}',
  ) as Record<string, unknown>;

  it('looks the same each time, in its order, whatever its keys are called', () => {
    const one = shape();
    const seen = Array.from({ length: 500 }, () => JSON.stringify(one.show(source, run())));
    expect([...new Set(seen)]).toEqual([
      '{"id":"a","count":3,"is":true,"any":[1],"constructor":"c","__proto__":{"b":1},"toString":"t"}',
    ]);
    const shown = one.show(source, run());
    expect(Object.getPrototypeOf(shown)).toBe(Object.prototype);
  });

  it.each([
    ['a value of another kind', { count: 1.5 }, 1.5],
    ['another value of another kind', { id: 7 }, 7],
  ])('hands on %s to what completes it', (_what, other, expected) => {
    const one = shape();
    const [key = ''] = Object.keys(other);
    for (let times = 0; times < 500; times += 1) {
      const shown = one.show({ ...source, ['__proto__']: 1, ...other }, run());
      if (shown === bubble) throw new Error('it was shown');
      expect(shown[key]).toBe(expected);
    }
  });

  it('takes what inherits a name for what never came, and bubbles', () => {
    const one = new Shape([field('constructor')]);
    for (let times = 0; times < 500; times += 1) {
      const now = run();
      expect(one.show({}, now)).toBe(bubble);
      expect(now.troubles.errors).toHaveLength(1);
    }
  });
});
