import { describe, expect, it } from '@jest/globals';
import { decideGiveUp } from './give-up.ts';
import {
  attemptsMax,
  budgetsMs,
  collectBudgetMs,
  deadlineOf,
  graceMsOf,
  onDeadline,
  settleBudgetMs,
} from './job-deadline.ts';
import { belongsTo } from './job-reason.ts';
import type { LiveState } from './job-state.ts';
import { isEnd, jobStates } from './job-state.ts';

const liveStates = jobStates.filter((state): state is LiveState => !isEnd(state));
const entered = new Date('2026-05-05T10:00:00Z');

describe('deadlines', () => {
  it.each(liveStates)('%s has one, and something is done when it passes', (state) => {
    const deadline = deadlineOf(state, entered, { timeoutSeconds: 7 });
    expect(deadline.getTime()).toBeGreaterThan(entered.getTime());
    expect(onDeadline(state)).toMatch(/^(expire|give-up|stop|conclude|cancel)$/);
    expect(graceMsOf(state)).toBeGreaterThanOrEqual(0);
  });

  it('give a running program exactly the time its spec asks for', () => {
    const deadline = deadlineOf('RUNNING', entered, { timeoutSeconds: 7 });
    expect(deadline.getTime() - entered.getTime()).toBe(7_000);
  });

  it('leave room for files and the cost within COLLECTING', () => {
    expect(collectBudgetMs + settleBudgetMs).toBeLessThan(budgetsMs.COLLECTING);
  });
});

describe('giving up a start', () => {
  it('tries again only what did not run, and not for ever', () => {
    expect(decideGiveUp(1, 'none')).toEqual({ kind: 'again' });
    expect(decideGiveUp(attemptsMax, 'none')).toEqual({ kind: 'fail', code: 'START_TIMEOUT' });
    expect(decideGiveUp(1, 'unknown')).toEqual({ kind: 'fail', code: 'START_TIMEOUT' });
    expect(belongsTo('START_TIMEOUT', 'FAILED')).toBe(true);
  });
});
