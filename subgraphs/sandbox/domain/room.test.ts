import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RoomOutcome } from './room.ts';
import { careEveryMs, decideCare } from './room.ts';

const outcomes = fc.oneof(
  fc.constant<RoomOutcome>({ kind: 'ready', profile: 'p' }),
  fc.constant<RoomOutcome>({ kind: 'refused', message: 'changed' }),
  fc.constant<RoomOutcome>({ kind: 'no-answer', message: 'silent' }),
);

describe('the care for a room', () => {
  it('lets in what it knows to be as it must be, or last knew so', () => {
    fc.assert(
      fc.property(fc.array(outcomes), (history) => {
        let room = { state: 'PREPARING', failures: 0 } as Parameters<typeof decideCare>[0];
        for (const outcome of history) room = decideCare(room, outcome);
        const learnt = history.filter(({ kind }) => kind !== 'no-answer').at(-1);
        return room.state === (learnt?.kind === 'ready' ? 'READY' : 'PREPARING');
      }),
    );
  });

  it('is given again in a while that is bounded, and grows with each failure', () => {
    fc.assert(
      fc.property(outcomes, fc.nat(1_000), (outcome, failures) => {
        const { againMs } = decideCare({ state: 'READY', failures }, outcome);
        return againMs >= 1_000 && againMs <= careEveryMs;
      }),
    );
    const refused = { kind: 'refused', message: 'x' } as const;
    const [first, later] = [0, 3].map((failures) =>
      decideCare({ state: 'READY', failures }, refused),
    );
    expect(later?.againMs).toBeGreaterThan(first?.againMs ?? Infinity);
  });
});
