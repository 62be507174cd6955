import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { conclude } from './conclusion.ts';
import { belongsTo, codesOf, jobReason, jobReasonCodes, messageLengthMax } from './job-reason.ts';
import { endStates, isEnd } from './job-state.ts';
import type { ProgramEnd } from './verdict.ts';
import { broken, judge, lost, outOfTime } from './verdict.ts';

const well: ProgramEnd = {
  exitCode: 0,
  signal: null,
  timedOut: false,
  oomKilled: false,
  outputLimit: false,
  diskLimit: false,
  stopped: false,
};
const inTime = { overdue: false };

describe('the verdict about a program', () => {
  it.each<[string, Partial<ProgramEnd>, string, string | null]>([
    ['code 0', {}, 'SUCCEEDED', null],
    ['another code', { exitCode: 2 }, 'FAILED', 'EXIT_NON_ZERO'],
    ['a signal', { exitCode: null, signal: 'SIGSEGV' }, 'FAILED', 'KILLED_BY_SIGNAL'],
    ['137 alone', { exitCode: 137 }, 'FAILED', 'EXIT_NON_ZERO'],
    ['memory', { exitCode: 137, oomKilled: true }, 'FAILED', 'OOM_KILLED'],
    ['a child without memory', { exitCode: 0, oomKilled: true }, 'FAILED', 'OOM_KILLED'],
    [
      'time',
      { exitCode: null, signal: 'SIGKILL', timedOut: true },
      'TIMED_OUT',
      'DEADLINE_EXCEEDED',
    ],
    ['output', { signal: 'SIGKILL', outputLimit: true }, 'FAILED', 'OUTPUT_LIMIT'],
    ['disk', { exitCode: 1, diskLimit: true }, 'FAILED', 'DISK_LIMIT'],
  ])('of one that ended by %s', (_what, end, state, code) => {
    expect(judge({ ...well, ...end }, inTime)).toMatchObject({ state, code });
  });

  it('says the code and the signal', () => {
    expect(judge({ ...well, exitCode: 42 }, inTime).details).toContain('42');
    expect(judge({ ...well, exitCode: null, signal: 'SIGBUS' }, inTime).details).toContain(
      'SIGBUS',
    );
  });

  it('takes one that had to be stopped since its time was over for out of time', () => {
    const stopped = { ...well, exitCode: null, signal: 'SIGTERM', stopped: true };
    expect(judge(stopped, { overdue: true })).toEqual(outOfTime);
    expect(judge(stopped, inTime)).toMatchObject({ code: 'KILLED_BY_SIGNAL' });
  });
});

describe('the end of a job', () => {
  it('has a reason that belongs to it, whatever happened', () => {
    fc.assert(
      fc.property(anyEnd(), fc.boolean(), anyAftermath(), (end, overdue, aftermath) => {
        for (const verdict of [judge(end, { overdue }), lost, broken]) {
          const { state, reason } = conclude(verdict, aftermath);
          expect(isEnd(state)).toBe(true);
          expect(state).toBe(verdict.state);
          if (reason) expect(belongsTo(reason.code, state)).toBe(true);
          if (state !== 'SUCCEEDED') expect(reason).not.toBeNull();
        }
      }),
    );
  });

  it('is a plain success only when everything that came after was done', () => {
    const verdict = judge(well, inTime);
    const done = { collected: true, filesRefused: 0, settled: true };
    const codeAfter = (change: object) => conclude(verdict, { ...done, ...change }).reason?.code;
    expect(conclude(verdict, done)).toEqual({ state: 'SUCCEEDED', reason: null });
    expect(codeAfter({ collected: false, filesRefused: 2 })).toBe('COLLECT_TIMEOUT');
    expect(codeAfter({ filesRefused: 2, settled: false })).toBe('ARTIFACTS_REFUSED');
    expect(codeAfter({ settled: false })).toBe('SETTLE_TIMEOUT');
  });
});

describe('reasons', () => {
  it.each(jobReasonCodes)('%s says something to people', (code) => {
    expect(jobReason(code).message).toMatch(/^[A-Z].*\.$/);
  });

  it('exist for every end but are not needed for a success', () => {
    for (const state of endStates) expect(codesOf(state).length).toBeGreaterThan(0);
  });

  it('bear details of any length', () => {
    const { message } = jobReason('HOLD_REFUSED', 'x'.repeat(10_000));
    expect(message).toHaveLength(messageLengthMax);
  });
});

function anyEnd(): fc.Arbitrary<ProgramEnd> {
  return fc.record({
    exitCode: fc.option(fc.integer({ min: 0, max: 255 })),
    signal: fc.option(fc.constantFrom('SIGKILL', 'SIGTERM', 'SIGSEGV')),
    timedOut: fc.boolean(),
    oomKilled: fc.boolean(),
    outputLimit: fc.boolean(),
    diskLimit: fc.boolean(),
    stopped: fc.boolean(),
  });
}

function anyAftermath() {
  return fc.record({
    collected: fc.boolean(),
    filesRefused: fc.nat(5),
    settled: fc.boolean(),
  });
}
