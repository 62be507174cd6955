import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { VerticalsUnderTest } from '../fixtures/verticals.ts';
import { openVerticals } from '../fixtures/verticals.ts';

let verticals: VerticalsUnderTest;
let ours: { runId: string; approvalId: string; jobId: string };
beforeAll(async () => {
  verticals = await openVerticals();
  ours = await verticals.awaitingApproval('acme');
});
afterAll(() => verticals.close());

const missing = {
  runId: `run_${'0'.repeat(26)}`,
  approvalId: `approval_${'0'.repeat(26)}`,
  jobId: `job_${'0'.repeat(26)}`,
};
const globex = { tenant: 'globex' };

/** Asks as globex, once with acme's ids and once with ids of nothing, and expects one answer. */
async function expectSame(query: string, variablesOf: (ids: typeof missing) => object) {
  const answers = [];
  for (const ids of [ours, missing]) {
    const answer = await verticals.ask(globex, query, variablesOf(ids) as Record<string, unknown>);
    answers.push(JSON.stringify(answer));
  }
  expect(answers[0]).toBe(answers[1]);
  return JSON.parse(answers[0] ?? '') as { data: Record<string, unknown> };
}

describe("another tenant's things", () => {
  it('answer queries by id like nothing', async () => {
    const { data } = await expectSame(
      'query ($run: ID!, $approval: ID!) { playbookRun(id: $run) { id } approval(id: $approval) { id } }',
      ({ runId, approvalId }) => ({ run: runId, approval: approvalId }),
    );
    expect(data).toEqual({ playbookRun: null, approval: null });
  });

  it('answer as entities like nothing', async () => {
    const { data } = await expectSame(
      `query ($representations: [_Any!]!) { _entities(representations: $representations) {
        ... on PlaybookRun { state } ... on Approval { approvalState: state } ... on Job { playbookRun { id } } } }`,
      ({ runId, approvalId, jobId }) => ({
        representations: [
          { __typename: 'PlaybookRun', id: runId },
          { __typename: 'Approval', id: approvalId },
          { __typename: 'Job', id: jobId },
        ],
      }),
    );
    expect(data).toEqual({ _entities: [null, null, { playbookRun: null }] });
  });

  it('answer mutations like nothing, and stay as they are', async () => {
    let call = 0;
    await expectSame(
      'mutation ($input: CancelPlaybookRunInput!) { cancelPlaybookRun(input: $input) { __typename ... on Refusal { code message } } }',
      ({ runId }) => ({ input: { id: runId, idempotencyKey: `c${String((call += 1))}` } }),
    );
    const { data } = await expectSame(
      'mutation ($input: DecideApprovalInput!) { decideApproval(input: $input) { __typename ... on Refusal { code message } } }',
      ({ approvalId }) => ({
        input: { approvalId, decision: 'APPROVE', idempotencyKey: `d${String((call += 1))}` },
      }),
    );
    expect(data).toMatchObject({ decideApproval: { __typename: 'NotFound', code: 'NOT_FOUND' } });
    expect(await verticals.run(ours.runId)).toMatchObject({ state: 'WAITING_FOR_APPROVAL' });
  });

  it('are in no list, and the other tenant is no tenant', async () => {
    const answer = await verticals.ask(
      globex,
      `query ($representations: [_Any!]!) {
        playbookRuns { edges { node { id } } } approvals { edges { node { id } } }
        _entities(representations: $representations) { ... on Tenant { id playbookRuns { edges { node { id } } } approvals { edges { node { id } } } } } }`,
      { representations: ['acme', 'nobody', 'globex'].map((id) => ({ __typename: 'Tenant', id })) },
    );
    const none = { edges: [] };
    expect(answer.data).toEqual({
      playbookRuns: none,
      approvals: none,
      _entities: [null, null, { id: 'globex', playbookRuns: none, approvals: none }],
    });
  });

  it('answer a subscription like nothing', async () => {
    const messages = [];
    for (const { runId } of [ours, missing]) {
      const events = await verticals.watch(
        globex,
        `subscription { runProgress(runId: "${runId}") { seq } }`,
        1,
      );
      messages.push(JSON.stringify(events));
    }
    expect(messages[0]).toContain('Playbook run not found.');
    expect(messages[0]).toBe(messages[1]);
  });

  const tables = ['playbook_run', 'run_step', 'run_job', 'approval', 'check_report'];

  it.each(tables)('are out of reach in the database itself: %s', async (table) => {
    expect(await verticals.rows('acme', `select * from ${table}`)).not.toEqual([]);
    expect(await verticals.rows('globex', `select * from ${table}`)).toEqual([]);
  });

  it.each(tables)('cannot be written under another name: %s', async (table) => {
    const stolen = `insert into ${table} select * from jsonb_populate_record(null::${table}, $1)`;
    const [row] = await verticals.rows('acme', `select to_jsonb(t) as row from ${table} t limit 1`);
    await expect(verticals.rows('globex', stolen, [JSON.stringify(row?.['row'])])).rejects.toThrow(
      'row-level security',
    );
  });
});
