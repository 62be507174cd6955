import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Actor } from '../../shared/auth.ts';
import type { VerticalsUnderTest } from '../fixtures/verticals.ts';
import { openVerticals } from '../fixtures/verticals.ts';

let verticals: VerticalsUnderTest;
let runId: string;
let approvalId: string;

beforeAll(async () => {
  verticals = await openVerticals();
});
afterAll(() => verticals.close());

/** A run that alice asked for and that waits for somebody's decision. */
beforeEach(async () => {
  verticals.clock.ahead = 0;
  ({ runId, approvalId } = await verticals.awaitingApproval());
});

const mutation = `mutation ($input: DecideApprovalInput!) { decideApproval(input: $input) {
  __typename
  ... on Refusal { code message }
  ... on DecideApprovalSuccess { replayed approval { id state version comment decidedBy { type id } run { id } } }
  ... on ApprovalAlreadyDecided { state decidedBy { type id } decidedAt }
  ... on ApprovalExpired { expiresAt }
  ... on ApprovalVersionMismatch { approval { version } }
} }`;

interface Decided {
  readonly __typename: string;
  readonly [field: string]: unknown;
}

async function decide(
  id: string,
  input: { decision?: string; key?: string; comment?: string; expectedVersion?: number } = {},
  actor: Actor = { type: 'user', id },
): Promise<Decided> {
  const { decision = 'APPROVE', key = `${approvalId}-${id}`, ...rest } = input;
  const answer = await verticals.ask({ tenant: 'acme', actor }, mutation, {
    input: { approvalId, decision, idempotencyKey: key, ...rest },
  });
  expect(answer.errors).toBeUndefined();
  return (answer.data as { decideApproval: Decided }).decideApproval;
}

describe('decideApproval', () => {
  it('lets one of twenty racing deciders win; the others learn who and when', async () => {
    const names = Array.from({ length: 20 }, (_none, n) => `person-${String(n)}`);
    const answers = await Promise.all(
      names.map((name, n) => decide(name, { decision: n % 2 ? 'APPROVE' : 'REJECT' })),
    );
    const winners = answers.filter(({ __typename }) => __typename === 'DecideApprovalSuccess');
    expect(winners).toHaveLength(1);
    const [row] = await verticals.rows('acme', 'select * from approval where id = $1', [
      approvalId,
    ]);
    for (const answer of answers) {
      if (answer === winners[0]) continue;
      expect(answer).toMatchObject({
        __typename: 'ApprovalAlreadyDecided',
        code: 'APPROVAL_ALREADY_DECIDED',
        state: row?.['state'],
        decidedBy: { type: 'USER', id: row?.['decided_by_id'] },
        decidedAt: expect.any(String),
      });
    }
    const decisions = await verticals.rows(
      'acme',
      `select payload from event where stream = $1 and type = 'run.approval-decided'`,
      [`run:${runId}`],
    );
    expect(decisions).toHaveLength(1);
  });

  it('gives the same answer to the same key, and refuses the key for something else', async () => {
    expect(await decide('bob', { key: 'k' + approvalId, comment: 'fine' })).toMatchObject({
      replayed: false,
      approval: { state: 'APPROVED', version: 2, comment: 'fine', run: { id: runId } },
    });
    expect(await decide('bob', { key: 'k' + approvalId, comment: 'fine' })).toMatchObject({
      __typename: 'DecideApprovalSuccess',
      replayed: true,
    });
    expect(await decide('bob', { key: 'k' + approvalId, decision: 'REJECT' })).toMatchObject({
      __typename: 'IdempotencyKeyReused',
    });
  });

  it('wakes the run, which then publishes', async () => {
    await decide('bob');
    await verticals.durable(runId)();
    expect(await verticals.run(runId)).toMatchObject({ state: 'SUCCEEDED' });
  });

  it('wants other eyes than those of the requester to approve, and a person’s', async () => {
    expect(await decide('alice')).toMatchObject({
      __typename: 'ApprovalNotAllowed',
      code: 'APPROVAL_NOT_ALLOWED',
      message: expect.stringContaining('another person'),
    });
    const employee = { type: 'ai-employee', id: 'check-runner' } as const;
    for (const decision of ['APPROVE', 'REJECT']) {
      const key = `${approvalId}-${decision}`;
      expect(await decide('check-runner', { decision, key }, employee)).toMatchObject({
        __typename: 'ApprovalNotAllowed',
      });
    }
    expect(await decide('alice', { decision: 'REJECT', key: `${approvalId}-no` })).toMatchObject({
      __typename: 'DecideApprovalSuccess',
    });
  });

  it('refuses from the deadline on, before the run has noticed it', async () => {
    verticals.clock.ahead = 3 * 86_400_000;
    expect(await decide('bob')).toMatchObject({
      __typename: 'ApprovalExpired',
      code: 'APPROVAL_EXPIRED',
    });
    await verticals.durable(runId)();
    expect(await verticals.run(runId)).toMatchObject({ reasonCode: 'APPROVAL_EXPIRED' });
    expect(await decide('bob', { key: `${approvalId}-late` })).toMatchObject({
      __typename: 'ApprovalExpired',
    });
  });

  it('decides about the version that was looked at only', async () => {
    expect(await decide('bob', { expectedVersion: 7 })).toMatchObject({
      __typename: 'ApprovalVersionMismatch',
      approval: { version: 1 },
    });
    expect(await decide('bob', { expectedVersion: 1, key: `${approvalId}-1` })).toMatchObject({
      __typename: 'DecideApprovalSuccess',
    });
  });

  it('refuses a comment that is too long or cannot be stored', async () => {
    for (const comment of ['x'.repeat(2_001), 'a\u0000b', '\ud800']) {
      const input = { approvalId, decision: 'APPROVE', idempotencyKey: 'c', comment };
      const answer = await verticals.ask({ tenant: 'acme' }, mutation, { input });
      expect(answer.errors?.[0]?.message).toContain('"comment"');
    }
  });

  it('answers in words for an approval that is not there', async () => {
    for (const id of ['approval_none', 'nonsense\u0000', `approval_${'0'.repeat(26)}`]) {
      const input = { approvalId: id, decision: 'APPROVE', idempotencyKey: `missing ${id.length}` };
      const answer = await verticals.ask({ tenant: 'acme' }, mutation, { input });
      expect(answer.data).toMatchObject({ decideApproval: { __typename: 'NotFound' } });
    }
  });
});

describe('a decision and a cancel that meet', () => {
  it('have one outcome: the run ends CANCELLED, with its report withdrawn', async () => {
    const cancel = verticals.ask(
      { tenant: 'acme' },
      `mutation { cancelPlaybookRun(input: { id: "${runId}", idempotencyKey: "c${runId}" }) { __typename } }`,
    );
    const [decision] = await Promise.all([decide('bob'), cancel]);
    const [row] = await verticals.rows('acme', 'select state from approval where id = $1', [
      approvalId,
    ]);
    const won = decision.__typename === 'DecideApprovalSuccess';
    expect(row).toEqual({ state: won ? 'APPROVED' : 'CANCELLED' });
    await verticals.durable(runId)();
    expect(await verticals.run(runId)).toMatchObject({ state: 'CANCELLED' });
    const reports = await verticals.rows(
      'acme',
      'select state from check_report where run_id = $1',
      [runId],
    );
    expect(reports).toEqual([{ state: 'WITHDRAWN' }]);
  });
});
