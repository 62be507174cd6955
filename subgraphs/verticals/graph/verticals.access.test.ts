import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { VerticalsUnderTest } from '../fixtures/verticals.ts';
import { openVerticals } from '../fixtures/verticals.ts';

let verticals: VerticalsUnderTest;
let ids: { runId: string; approvalId: string; jobId: string };
beforeAll(async () => {
  verticals = await openVerticals();
  ids = await verticals.awaitingApproval();
});
afterAll(() => verticals.close());

const permissions = ['verticals:read', 'verticals:write', 'verticals:approve'];

const operations: readonly (readonly [permission: string, operation: () => string])[] = [
  ['verticals:read', () => '{ verticals { id } }'],
  ['verticals:read', () => '{ vertical(id: "cx") { id } }'],
  ['verticals:read', () => '{ playbooks { id } }'],
  ['verticals:read', () => '{ playbook(id: "software-engineering.run-check") { id } }'],
  ['verticals:read', () => `{ playbookRun(id: "${ids.runId}") { id } }`],
  ['verticals:read', () => '{ playbookRuns { edges { node { id } } } }'],
  ['verticals:read', () => `{ approval(id: "${ids.approvalId}") { id } }`],
  ['verticals:read', () => '{ approvals { edges { node { id } } } }'],
  [
    'verticals:write',
    () =>
      `mutation { startPlaybookRun(input: { playbookId: "x", input: {}, idempotencyKey: "s" }) { __typename } }`,
  ],
  [
    'verticals:write',
    () => `mutation { cancelPlaybookRun(input: { id: "x", idempotencyKey: "c" }) { __typename } }`,
  ],
  [
    'verticals:approve',
    () =>
      `mutation { decideApproval(input: { approvalId: "x", decision: APPROVE, idempotencyKey: "d" }) { __typename } }`,
  ],
];

const subscriptions = [
  () => `subscription { runProgress(runId: "${ids.runId}") { seq } }`,
  () => 'subscription { approvalsChanged { seq } }',
];

describe('access', () => {
  it.each(operations)('%s is what it takes, and nothing else will do: %#', async (needed, text) => {
    const others = permissions.filter((permission) => permission !== needed);
    const scopes = { tenant: 'acme', scopes: [...others, 'sandbox:read', 'nonsense'] };
    const refused = await verticals.ask(scopes, text());
    expect(refused.errors?.[0]).toBeDefined();
    expect(JSON.stringify(refused.data ?? null)).not.toContain('_');
    const allowed = await verticals.ask({ tenant: 'acme', scopes: [needed] }, text());
    expect(allowed.errors).toBeUndefined();
  });

  it.each(subscriptions.map((text) => [text]))(
    'opens no stream without verticals:read: %#',
    async (text) => {
      const others = { tenant: 'acme', scopes: ['verticals:write', 'verticals:approve'] };
      const refused = await verticals.watch(others, text(), 1);
      expect(refused).toMatchObject([{ errors: [expect.anything()] }]);
      const allowed = await verticals.watch(
        { tenant: 'acme', scopes: ['verticals:read'] },
        text(),
        1,
      );
      expect(allowed[0]?.errors).toBeUndefined();
    },
  );

  it('shows nothing of runs to who may read jobs only', async () => {
    const query = `query ($representations: [_Any!]!) { _entities(representations: $representations) {
      ... on PlaybookRun { state } ... on Approval { approvalState: state } ... on Vertical { name } ... on Playbook { name }
      ... on Job { playbookRun { id } } } }`;
    const representations = [
      { __typename: 'PlaybookRun', id: ids.runId },
      { __typename: 'Approval', id: ids.approvalId },
      { __typename: 'Vertical', id: 'cx' },
      { __typename: 'Playbook', id: 'software-engineering.run-check@1' },
      { __typename: 'Job', id: ids.jobId },
    ];
    const reader = { tenant: 'acme', scopes: ['sandbox:read'] };
    const refused = await verticals.ask(reader, query, { representations });
    expect(refused.data).toEqual({ _entities: [null, null, null, null, { playbookRun: null }] });
    const insider = { tenant: 'acme', scopes: ['verticals:read'] };
    const allowed = await verticals.ask(insider, query, { representations });
    expect(allowed.data).toMatchObject({
      _entities: [
        { state: 'WAITING_FOR_APPROVAL' },
        { approvalState: 'PENDING' },
        { name: 'Customer experience' },
        { name: 'Run a check' },
        { playbookRun: { id: ids.runId } },
      ],
    });
  });
});
