import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideInput } from './input-schema.ts';
import { runCheckV1 } from './run-check.ts';

const schema = runCheckV1.input;

describe('decideInput', () => {
  it('takes what the schema describes, unchanged', () => {
    const input = { template: 'node', source: 'process.exit(0)', args: ['a'], timeoutSeconds: 5 };
    expect(decideInput(schema, input)).toEqual({ kind: 'accepted', input });
  });

  it('lists every problem at once, by the name of its property', () => {
    expect(
      decideInput(schema, {
        template: 'NO!',
        args: ['a', 7],
        timeoutSeconds: 0,
        title: 'x\u0000',
        shell: true,
      }),
    ).toEqual({
      kind: 'rejected',
      problems: [
        '"shell" is not known.',
        '"template" must match ^[a-z][a-z0-9.-]*$.',
        '"source" is missing.',
        '"args" has a member 1 that must be text.',
        '"timeoutSeconds" must be an integer from 1 to 3600.',
        '"title" must not contain the character U+0000.',
      ],
    });
  });

  it.each([null, undefined, 'text', 7, ['x']])('refuses %p, which is no object', (value) => {
    expect(decideInput(schema, value).kind).toBe('rejected');
  });

  it('refuses text and lists beyond their limits, and half of a character', () => {
    const ok = { template: 'node', source: 'x' };
    expect(decideInput(schema, { ...ok, source: 'x'.repeat(100_001) }).kind).toBe('rejected');
    expect(decideInput(schema, { ...ok, source: '' }).kind).toBe('rejected');
    expect(decideInput(schema, { ...ok, args: Array(65).fill('') }).kind).toBe('rejected');
    expect(decideInput(schema, { ...ok, args: 'a b' }).kind).toBe('rejected');
    expect(decideInput(schema, { ...ok, source: '\ud800' }).kind).toBe('rejected');
  });

  it('never throws and never lets an unknown property through', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const decision = decideInput(schema, value);
        if (decision.kind === 'rejected') return decision.problems.length > 0;
        return Object.keys(decision.input).every((name) => name in schema.properties);
      }),
    );
  });

  it('takes inherited names for unknown ones', () => {
    const ok = { template: 'node', source: 'x' };
    const sly: unknown = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}');
    expect(decideInput(schema, Object.assign(sly as object, ok))).toMatchObject({
      kind: 'rejected',
    });
  });
});
