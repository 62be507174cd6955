import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RunStatus, RunWish, StepState } from './run.ts';
import {
  compensationsOf,
  decideRun,
  isOver,
  runStates,
  runTransitions,
  stepStates,
} from './run.ts';
import { runCheckV1 } from './run-check.ts';

const queued: RunStatus = { state: 'QUEUED', reason: null };

const wishes: fc.Arbitrary<RunWish> = fc.oneof(
  fc.constantFrom<RunWish>(
    { kind: 'work' },
    { kind: 'await-job' },
    { kind: 'await-approval' },
    { kind: 'succeed' },
    { kind: 'close' },
  ),
  fc.constantFrom<RunWish>(
    { kind: 'stop', reason: { code: 'CANCELLED', message: 'enough' } },
    { kind: 'stop', reason: { code: 'JOB_FAILED', message: 'no' } },
  ),
);

/** The statuses a run goes through when all of this is wished for. */
function lifeOf(list: readonly RunWish[]): RunStatus[] {
  const life = [queued];
  for (const wish of list) {
    const decision = decideRun(life.at(-1) ?? queued, wish);
    if (decision.kind === 'change') life.push(decision.to);
  }
  return life;
}

describe('decideRun', () => {
  it('only ever follows the table of transitions, whatever is wished for', () => {
    fc.assert(
      fc.property(fc.array(wishes, { maxLength: 30 }), (list) => {
        const life = lifeOf(list);
        for (const [at, { state }] of life.slice(1).entries()) {
          const from = life[at]?.state ?? 'QUEUED';
          expect(runTransitions[from]).toContain(state);
        }
      }),
    );
  });

  it('changes nothing after an end', () => {
    fc.assert(
      fc.property(fc.constantFrom(...runStates), wishes, (state, wish) => {
        const decision = decideRun({ state, reason: null }, wish);
        expect(decision.kind === 'over').toBe(isOver(state));
      }),
    );
  });

  it('lets a stopped run only take back and close, for its first reason', () => {
    fc.assert(
      fc.property(fc.array(wishes, { maxLength: 30 }), (list) => {
        const life = lifeOf(list);
        const stop = life.find(({ state }) => state === 'COMPENSATING');
        const after = stop ? life.slice(life.indexOf(stop) + 1) : [];
        expect(after.length).toBeLessThanOrEqual(1);
        for (const { state, reason } of after) {
          expect(reason).toEqual(stop?.reason);
          expect(state).toBe(stop?.reason?.code === 'CANCELLED' ? 'CANCELLED' : 'FAILED');
        }
      }),
    );
  });

  it('has a reason exactly when it did not go the straight way', () => {
    fc.assert(
      fc.property(fc.array(wishes, { maxLength: 30 }), (list) => {
        for (const { state, reason } of lifeOf(list)) {
          expect(reason !== null).toBe(['COMPENSATING', 'FAILED', 'CANCELLED'].includes(state));
        }
      }),
    );
  });

  it('can always come to an end by stopping and closing', () => {
    fc.assert(
      fc.property(fc.array(wishes, { maxLength: 30 }), (list) => {
        const reason = { code: 'INTERNAL', message: 'x' } as const;
        const life = lifeOf([...list, { kind: 'stop', reason }, { kind: 'close' }]);
        expect(isOver(life.at(-1)?.state ?? 'QUEUED')).toBe(true);
      }),
    );
  });
});

describe('compensationsOf', () => {
  const traces = fc
    .tuple(...runCheckV1.steps.map(() => fc.constantFrom(...stepStates)))
    .map((states) =>
      runCheckV1.steps.map((step, at) => ({
        name: step.name,
        state: states[at] ?? 'PENDING',
      })),
    );

  it('takes effects back in the reverse order of the steps, each at most once', () => {
    fc.assert(
      fc.property(traces, (given) => {
        const positions = compensationsOf(runCheckV1, given).map(({ stepName }) =>
          runCheckV1.steps.findIndex((step) => step.name === stepName),
        );
        expect(positions).toEqual([...new Set(positions)].sort((a, b) => b - a));
      }),
    );
  });

  it('takes back what was begun without an answer, and never what was refused or not begun', () => {
    const of = (state: StepState) =>
      compensationsOf(runCheckV1, [{ name: 'submit-check', state }]).map(({ tool }) => tool);
    expect(of('RUNNING')).toEqual(['sandbox.cancel-job']);
    expect(of('SUCCEEDED')).toEqual(['sandbox.cancel-job']);
    expect(of('COMPENSATING')).toEqual(['sandbox.cancel-job']);
    for (const state of ['PENDING', 'FAILED', 'SKIPPED', 'COMPENSATED'] as const) {
      expect(of(state)).toEqual([]);
    }
  });

  it('withdraws the report before it cancels the job', () => {
    const done = runCheckV1.steps.map(({ name }) => ({ name, state: 'SUCCEEDED' as const }));
    expect(compensationsOf(runCheckV1, done)).toEqual([
      { stepName: 'draft-report', tool: 'report.withdraw' },
      { stepName: 'submit-check', tool: 'sandbox.cancel-job' },
    ]);
  });
});
