import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { VerticalsUnderTest } from '../fixtures/verticals.ts';
import { openVerticals } from '../fixtures/verticals.ts';

let verticals: VerticalsUnderTest;
beforeAll(async () => {
  verticals = await openVerticals();
});
afterAll(() => verticals.close());

const acme = { tenant: 'acme' };
const progress = (runId: string, after?: unknown) => `subscription {
  runProgress(runId: "${runId}"${after === undefined ? '' : `, after: ${JSON.stringify(after)}`}) {
    __typename runId seq cursor at run { id state }
    ... on RunStateChanged { state reason { code } }
    ... on RunStepChanged { stepName stepState attempts }
    ... on RunJobSubmitted { stepName job { id } }
    ... on RunApprovalRequested { approval { id state } }
    ... on RunApprovalDecided { approvalState decidedBy { id } approval { id } }
    ... on RunFinished { state reason { code } }
  } }`;

async function approve(approvalId: string) {
  const input = { approvalId, decision: 'APPROVE', idempotencyKey: approvalId };
  await verticals.ask(
    { tenant: 'acme', actor: { type: 'user', id: 'bob' } },
    'mutation ($input: DecideApprovalInput!) { decideApproval(input: $input) { __typename } }',
    { input },
  );
}

type Event = Record<string, unknown>;
const eventsIn = (results: readonly { data?: unknown }[]): Event[] =>
  results.map((result) => (result.data as { runProgress: Event }).runProgress);

describe('runProgress', () => {
  it('replays a run from its start, goes on live, and ends after the end', async () => {
    const { runId, approvalId, jobId } = await verticals.awaitingApproval();
    const watched = verticals.watch(acme, progress(runId), Infinity);
    await approve(approvalId);
    await verticals.durable(runId)();
    const events = eventsIn(await watched);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, at) => at + 1));
    expect(events[0]).toMatchObject({ __typename: 'RunStateChanged', state: 'QUEUED', runId });
    expect(events).toContainEqual(
      expect.objectContaining({ __typename: 'RunJobSubmitted', job: { id: jobId } }),
    );
    expect(events).toContainEqual(
      expect.objectContaining({
        __typename: 'RunApprovalDecided',
        approvalState: 'APPROVED',
        decidedBy: { id: 'bob' },
        approval: { id: approvalId },
      }),
    );
    expect(events.at(-1)).toMatchObject({
      __typename: 'RunFinished',
      state: 'SUCCEEDED',
      reason: null,
      run: { state: 'SUCCEEDED' },
    });
  });

  it('goes on after a cursor, without a gap and without a repetition', async () => {
    const { runId, approvalId } = await verticals.awaitingApproval();
    await approve(approvalId);
    await verticals.durable(runId)();
    const all = eventsIn(await verticals.watch(acme, progress(runId), Infinity));
    for (const at of [0, 3, all.length - 2]) {
      const rest = await verticals.watch(acme, progress(runId, all[at]?.['cursor']), Infinity);
      expect(eventsIn(rest)).toEqual(all.slice(at + 1));
    }
  });
});

describe('approvalsChanged', () => {
  it('gives every change of every approval of the tenant', async () => {
    const { approvalId } = await verticals.awaitingApproval();
    await approve(approvalId);
    const [{ n } = { n: 0 }] = await verticals.rows(
      'acme',
      `select count(*) as n from event where stream = 'approvals'`,
    );
    const results = await verticals.watch(
      acme,
      'subscription { approvalsChanged { seq cursor state approval { id state run { id } } } }',
      Number(n),
    );
    const changes = results.map(
      (result) => (result.data as { approvalsChanged: Event }).approvalsChanged,
    );
    const mine = changes.filter((change) => (change['approval'] as Event)['id'] === approvalId);
    expect(mine).toMatchObject([
      { state: 'PENDING', approval: { state: 'APPROVED' } },
      { state: 'APPROVED', approval: { state: 'APPROVED' } },
    ]);
    const rest = await verticals.watch(
      acme,
      `subscription { approvalsChanged(after: ${JSON.stringify(changes[0]?.['cursor'])}) { seq } }`,
      1,
    );
    expect(rest).toMatchObject([{ data: { approvalsChanged: { seq: 2 } } }]);
  });
});
