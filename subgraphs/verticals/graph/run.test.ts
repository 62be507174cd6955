import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { VerticalsUnderTest } from '../fixtures/verticals.ts';
import { openVerticals } from '../fixtures/verticals.ts';

let verticals: VerticalsUnderTest;
beforeAll(async () => {
  verticals = await openVerticals();
});
afterAll(() => verticals.close());

const input = { template: 'node', source: 'process.exit(0)' };
const startMutation = `mutation ($input: StartPlaybookRunInput!) { startPlaybookRun(input: $input) {
  __typename
  ... on Refusal { code message }
  ... on PlaybookInputInvalid { problems }
  ... on StartPlaybookRunSuccess { replayed run {
    id state input createdAt startedAt finishedAt reason { code } requestedBy { type id }
    playbook { id key version name vertical { id } } steps { name state attempts } job { id } approvals { id } } }
} }`;
const cancelMutation = `mutation ($input: CancelPlaybookRunInput!) { cancelPlaybookRun(input: $input) {
  __typename
  ... on Refusal { code message }
  ... on CancelPlaybookRunSuccess { replayed run { id state reason { code message } } }
  ... on PlaybookRunAlreadyFinished { run { state } }
} }`;

async function start(given: Record<string, unknown>) {
  const answer = await verticals.ask({ tenant: 'acme' }, startMutation, {
    input: { playbookId: 'software-engineering.run-check', input, ...given },
  });
  expect(answer.errors).toBeUndefined();
  return (answer.data as { startPlaybookRun: Record<string, unknown> }).startPlaybookRun;
}

async function cancel(given: Record<string, unknown>) {
  const answer = await verticals.ask({ tenant: 'acme' }, cancelMutation, { input: given });
  expect(answer.errors).toBeUndefined();
  return (answer.data as { cancelPlaybookRun: Record<string, unknown> }).cancelPlaybookRun;
}

describe('startPlaybookRun', () => {
  it('queues a run of the newest version with all its steps', async () => {
    expect(await start({ idempotencyKey: 'a' })).toMatchObject({
      __typename: 'StartPlaybookRunSuccess',
      replayed: false,
      run: {
        state: 'QUEUED',
        input,
        requestedBy: { type: 'USER', id: 'alice' },
        playbook: {
          id: 'software-engineering.run-check@1',
          version: 1,
          vertical: { id: 'software-engineering' },
        },
        steps: [
          { name: 'submit-check', state: 'PENDING', attempts: 0 },
          { name: 'await-check' },
          { name: 'draft-report' },
          { name: 'approve-report' },
          { name: 'publish-report' },
        ],
        job: null,
        approvals: [],
        startedAt: null,
        finishedAt: null,
      },
    });
  });

  it('starts one run for one key, however many ask at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => start({ idempotencyKey: 'b' })),
    );
    const ids = new Set(answers.map((answer) => (answer['run'] as { id: string }).id));
    expect(ids.size).toBe(1);
    expect(answers.filter((answer) => answer['replayed'] === false)).toHaveLength(1);
    expect(await start({ idempotencyKey: 'b', input: { ...input, source: '2' } })).toMatchObject({
      __typename: 'IdempotencyKeyReused',
    });
  });

  it('lists what is wrong with the input, and does not use the key up', async () => {
    expect(await start({ idempotencyKey: 'c', input: { template: 7 } })).toMatchObject({
      __typename: 'PlaybookInputInvalid',
      problems: ['"template" must be text.', '"source" is missing.'],
    });
    expect(await start({ idempotencyKey: 'c' })).toMatchObject({ replayed: false });
  });

  it('answers in words for a playbook or version that is not there', async () => {
    for (const playbookId of ['cx.triage', 'software-engineering.run-check@9', '']) {
      expect(await start({ idempotencyKey: 'd', playbookId })).toMatchObject({
        __typename: 'NotFound',
      });
    }
  });
});

describe('cancelPlaybookRun', () => {
  it('stops a run for the reason given; the run takes back and ends CANCELLED', async () => {
    const id = await verticals.queue();
    const first = await cancel({ id, reason: 'enough', idempotencyKey: 'x1' });
    expect(first).toMatchObject({
      replayed: false,
      run: { state: 'COMPENSATING', reason: { code: 'CANCELLED', message: 'enough' } },
    });
    expect(await cancel({ id, reason: 'again', idempotencyKey: 'x2' })).toMatchObject({
      run: { reason: { message: 'enough' } },
    });
    await verticals.durable(id)();
    expect(await verticals.run(id)).toMatchObject({ state: 'CANCELLED' });
    expect(await cancel({ id, idempotencyKey: 'x3' })).toMatchObject({
      __typename: 'PlaybookRunAlreadyFinished',
      run: { state: 'CANCELLED' },
    });
  });

  it('answers in words for a run that is not there', async () => {
    expect(await cancel({ id: 'run_none', idempotencyKey: 'y' })).toMatchObject({
      __typename: 'NotFound',
    });
  });
});

describe('lists of runs', () => {
  it('give every run once, the newest first, page by page', async () => {
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const answer = await verticals.ask(
        { tenant: 'acme' },
        `query ($after: Cursor) { playbookRuns(first: 2, after: $after) {
          edges { node { id } } pageInfo { hasNextPage endCursor } } }`,
        { after },
      );
      const page = (answer.data as { playbookRuns: Page }).playbookRuns;
      seen.push(...page.edges.map(({ node }) => node.id));
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    } while (after !== null);
    const rows = await verticals.rows('acme', 'select id from playbook_run order by id desc');
    expect(seen).toEqual(rows.map(({ id }) => id));
  });

  it('are filtered by state and playbook', async () => {
    const answer = await verticals.ask(
      { tenant: 'acme' },
      `{ cancelled: playbookRuns(filter: { states: [CANCELLED] }) { edges { node { state } } }
         none: playbookRuns(filter: { playbookKey: "cx.triage" }) { edges { node { id } } } }`,
    );
    const data = answer.data as Record<string, Page>;
    expect(new Set(data['cancelled']?.edges.map(({ node }) => node.state))).toEqual(
      new Set(['CANCELLED']),
    );
    expect(data['none']?.edges).toEqual([]);
  });
});

interface Page {
  readonly edges: readonly { readonly node: { readonly id: string; readonly state?: string } }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

describe('verticals and playbooks', () => {
  it('are listed with their roles and newest versions', async () => {
    const answer = await verticals.ask(
      { tenant: 'acme' },
      `{ verticals { id roles { id } playbooks { id } }
         vertical(id: "legal") { name } none: vertical(id: "space") { name }
         playbooks(verticalId: "software-engineering") { id employee inputSchema steps { name kind risk tool compensation deadlineSeconds } }
         playbook(id: "software-engineering.run-check@1") { id } }`,
    );
    expect(answer.errors).toBeUndefined();
    const data = answer.data as Record<string, { id: string }[]>;
    expect(data['verticals']).toHaveLength(6);
    expect(data).toMatchObject({
      vertical: { name: 'Legal' },
      none: null,
      playbooks: [
        {
          employee: 'check-runner',
          inputSchema: { required: ['template', 'source'] },
          steps: [
            { kind: 'TOOL', tool: 'sandbox.submit-job', compensation: 'sandbox.cancel-job' },
            { kind: 'JOB_WAIT', deadlineSeconds: 86_400 },
            { kind: 'TOOL' },
            { kind: 'APPROVAL', deadlineSeconds: 259_200, risk: 'MEDIUM' },
            { kind: 'TOOL', compensation: null },
          ],
        },
      ],
      playbook: { id: 'software-engineering.run-check@1' },
    });
  });
});
