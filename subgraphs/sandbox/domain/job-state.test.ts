import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JobState } from './job-state.ts';
import {
  activeStates,
  decideCancel,
  decideMove,
  endStates,
  isEnd,
  jobStates,
  jobTransitions,
  takesRoom,
} from './job-state.ts';

const anyState = fc.constantFrom(...jobStates);

describe('the states of a job', () => {
  it('lead along allowed ways only, whatever is wished in whatever order', () => {
    fc.assert(
      fc.property(fc.array(anyState, { maxLength: 60 }), (wishes) => {
        let state: JobState = 'QUEUED';
        for (const wish of wishes) {
          const { kind } = decideMove(state, wish);
          const allowed = (jobTransitions[state] as readonly JobState[]).includes(wish);
          expect(kind === 'move').toBe(allowed);
          if (kind === 'move') state = wish;
        }
      }),
    );
  });

  it('have ends that nothing leads out of, and one end only', () => {
    fc.assert(
      fc.property(fc.constantFrom(...endStates), anyState, (end, wish) => {
        expect(decideMove(end, wish)).toEqual({ kind: 'over' });
        expect(decideCancel(end)).toEqual({ kind: 'over' });
      }),
    );
  });

  it('all lead to an end', () => {
    for (const state of jobStates) {
      const reached = new Set<JobState>([state]);
      for (const from of reached) for (const to of jobTransitions[from]) reached.add(to);
      expect([...reached].some(isEnd)).toBe(true);
    }
  });

  it('can each be cancelled, by a way that is allowed', () => {
    for (const state of jobStates) {
      const { kind } = decideCancel(state);
      if (kind === 'end') expect(decideMove(state, 'CANCELLED').kind).toBe('move');
      if (kind === 'stop') expect(decideMove(state, 'CANCELLING').kind).toBe('move');
      expect(kind === 'already').toBe(state === 'CANCELLING');
    }
  });

  it('tell a late observer that the job is further on, and a run that it is being stopped', () => {
    expect(decideMove('COLLECTING', 'RUNNING')).toEqual({ kind: 'past' });
    expect(decideMove('RUNNING', 'CREATING')).toEqual({ kind: 'past' });
    expect(decideMove('CANCELLING', 'COLLECTING')).toEqual({ kind: 'cancelling' });
    expect(decideMove('QUEUED', 'RUNNING')).toEqual({ kind: 'forbidden' });
  });

  it('take room from the turn to the end of the program, and no longer', () => {
    expect(jobStates.filter(takesRoom)).toEqual([...activeStates]);
    expect(takesRoom('COLLECTING')).toBe(false);
    expect(endStates.some(takesRoom)).toBe(false);
  });
});
