import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ApprovalAsk, ApprovalFacts, Decider } from './approval.ts';
import { approvalStates, decideApproval } from './approval.ts';

const alice: Decider = { type: 'user', id: 'alice' };
const bob: Decider = { type: 'user', id: 'bob' };
const employee: Decider = { type: 'ai-employee', id: 'check-runner' };
const now = new Date('2026-03-01T12:00:00Z');

function pending(changes: Partial<ApprovalFacts> = {}): ApprovalFacts {
  return {
    state: 'PENDING',
    version: 1,
    expiresAt: new Date(now.getTime() + 1),
    requestedBy: alice,
    excludeRequester: true,
    ...changes,
  };
}

function ask(changes: Partial<ApprovalAsk> = {}): ApprovalAsk {
  return { decision: 'APPROVE', decider: bob, now, ...changes };
}

describe('decideApproval', () => {
  it('lets another person approve or reject', () => {
    expect(decideApproval(pending(), ask())).toEqual({ kind: 'decided', state: 'APPROVED' });
    expect(decideApproval(pending(), ask({ decision: 'REJECT' }))).toEqual({
      kind: 'decided',
      state: 'REJECTED',
    });
  });

  it('does not let the requester approve, only reject', () => {
    expect(decideApproval(pending(), ask({ decider: alice }))).toEqual({
      kind: 'not-allowed',
      why: 'REQUESTER',
    });
    expect(decideApproval(pending(), ask({ decider: alice, decision: 'REJECT' }))).toMatchObject({
      kind: 'decided',
    });
    expect(
      decideApproval(pending({ excludeRequester: false }), ask({ decider: alice })),
    ).toMatchObject({ kind: 'decided' });
  });

  it('takes a service of the same name for somebody else than the user', () => {
    expect(decideApproval(pending(), ask({ decider: { type: 'service', id: 'alice' } })).kind).toBe(
      'decided',
    );
  });

  it('refuses from the very instant of the deadline', () => {
    expect(decideApproval(pending({ expiresAt: now }), ask())).toEqual({ kind: 'expired' });
  });

  it('refuses a decision about an older version', () => {
    expect(decideApproval(pending({ version: 3 }), ask({ expectedVersion: 2 }))).toEqual({
      kind: 'stale',
      version: 3,
    });
    expect(decideApproval(pending({ version: 3 }), ask({ expectedVersion: 3 })).kind).toBe(
      'decided',
    );
  });

  it('never lets an AI employee decide, and never decides twice or late', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...approvalStates),
        fc.constantFrom(alice, bob, employee),
        fc.constantFrom('APPROVE' as const, 'REJECT' as const),
        fc.integer({ min: -5, max: 5 }),
        fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
        fc.boolean(),
        (state, decider, decision, leftMs, expectedVersion, excludeRequester) => {
          const expiresAt = new Date(now.getTime() + leftMs);
          const outcome = decideApproval(
            pending({ state, expiresAt, excludeRequester, version: 2 }),
            ask({ decider, decision, expectedVersion }),
          );
          if (outcome.kind !== 'decided') return;
          expect(decider.type).not.toBe('ai-employee');
          expect(state).toBe('PENDING');
          expect(leftMs).toBeGreaterThan(0);
          expect(expectedVersion ?? 2).toBe(2);
          expect(excludeRequester && decision === 'APPROVE' && decider === alice).toBe(false);
        },
      ),
    );
  });
});
