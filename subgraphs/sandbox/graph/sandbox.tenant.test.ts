import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { openSandbox } from '../fixtures/sandbox.ts';

let sandbox: SandboxUnderTest;
let ours: string;
beforeAll(async () => {
  sandbox = await openSandbox();
  sandbox.scripted.script = () => ({
    ...{ lines: ['ours'], files: { 'a.txt': 'ours' }, refusedFiles: ['link'] },
    verdict: { exitCode: 1 },
  });
  ours = await sandbox.finished('acme');
  await sandbox.rows('acme', `insert into tenant_quota values ('acme', 10, 10, 16000, 16384, 2)`);
  await sandbox.rows('acme', `insert into artifact_upload values ($1, 1, 'acme', '00', now())`, [
    ours,
  ]);
  await sandbox.rows(
    'acme',
    `insert into artifact_upload_entry (job_id, attempt, n, tenant_id, path, why, message)
     values ($1, 1, 1, 'acme', 'link', 'HARD_LINK', 'ours')`,
    [ours],
  );
});
afterAll(() => sandbox.close());

const missing = `job_${'0'.repeat(26)}`;
const globex = { tenant: 'globex' };

/** Asks as globex, once with acme's id and once with an id of nothing, and expects one answer. */
async function expectSame(query: string, variablesOf: (id: string) => object) {
  const answers = [];
  for (const id of [ours, missing]) {
    const answer = await sandbox.ask(globex, query, variablesOf(id) as Record<string, unknown>);
    answers.push(JSON.stringify(answer).replaceAll(id, 'ID'));
  }
  expect(answers[0]).toBe(answers[1]);
  return JSON.parse(answers[0] ?? '') as { data: Record<string, unknown> };
}

describe("another tenant's job", () => {
  it('answers a query by id like nothing', async () => {
    const { data } = await expectSame('query ($id: ID!) { job(id: $id) { id state } }', (id) => ({
      id,
    }));
    expect(data).toEqual({ job: null });
  });

  it('answers as an entity like nothing', async () => {
    const { data } = await expectSame(
      `query ($representations: [_Any!]!) { _entities(representations: $representations) {
        ... on Job { state logs { edges { node { text } } } } ... on Tenant { id } } }`,
      (id) => ({
        representations: [
          { __typename: 'Job', id },
          { __typename: 'Tenant', id: 'acme' },
        ],
      }),
    );
    expect(data).toEqual({ _entities: [null, null] });
  });

  it.each(['cancelJob', 'retryJob'])(
    'answers %s like nothing, and stays as it is',
    async (field) => {
      const before = await sandbox.events(ours);
      const type = field === 'cancelJob' ? 'CancelJobInput' : 'RetryJobInput';
      const { data } = await expectSame(
        `mutation ($input: ${type}!) { ${field}(input: $input) { __typename ... on Refusal { code message } } }`,
        (id) => ({ input: { id, idempotencyKey: `${field} ${id}` } }),
      );
      expect(data).toMatchObject({ [field]: { __typename: 'NotFound' } });
      expect(await sandbox.events(ours)).toEqual(before);
    },
  );

  it('answers a subscription like nothing', async () => {
    const messages = [];
    for (const id of [ours, missing]) {
      const query = `subscription { jobEvents(jobId: "${id}") { seq } }`;
      messages.push(JSON.stringify(await sandbox.watch(globex, query, 1)));
    }
    expect(messages[0]).toContain('Job not found.');
    expect(messages[0]).toBe(messages[1]);
  });

  it('is in no list and counts for no quota but its own', async () => {
    const query = '{ jobs { edges { node { id } } } sandboxQuota { weight queued { used } } }';
    expect((await sandbox.ask(globex, query)).data).toEqual({
      jobs: { edges: [] },
      sandboxQuota: { weight: 1, queued: { used: 0 } },
    });
  });

  it('may use the same idempotency keys', async () => {
    const query = `mutation { submitJob(input: { idempotencyKey: "k", spec: { template: "shell", source: "true" } }) {
      ... on SubmitJobSuccess { replayed job { id } } } }`;
    const answers = [
      await sandbox.ask({ tenant: 'acme' }, query),
      await sandbox.ask(globex, query),
    ];
    const jobs = answers.map(
      ({ data }) => data?.['submitJob'] as { replayed: boolean; job: { id: string } },
    );
    expect(jobs.map(({ replayed }) => replayed)).toEqual([false, false]);
    expect(jobs[0]?.job.id).not.toBe(jobs[1]?.job.id);
    await sandbox.rows(
      'globex',
      `update job set state = 'CANCELLED', deadline_at = null, finished_at = now(), reason_code = null, reason_message = null`,
    );
  });

  const tables = [
    'job',
    'job_program',
    'job_attempt',
    'log_chunk',
    'artifact',
    'artifact_content',
    'artifact_upload',
    'artifact_upload_entry',
    'artifact_refusal',
    'tenant_quota',
  ];

  it.each(tables)('is out of reach in the database itself: %s', async (table) => {
    const others = `select * from ${table} where tenant_id <> 'globex'`;
    expect(await sandbox.rows('acme', `select * from ${table}`)).not.toEqual([]);
    expect(await sandbox.rows('globex', others)).toEqual([]);
  });

  it.each(tables)('cannot be written under another name: %s', async (table) => {
    const stolen = `insert into ${table} select * from jsonb_populate_record(null::${table}, $1)`;
    const [row] = await sandbox.rows('acme', `select to_jsonb(t) as row from ${table} t limit 1`);
    await expect(sandbox.rows('globex', stolen, [JSON.stringify(row?.['row'])])).rejects.toThrow(
      'row-level security',
    );
  });

  it('is all that housekeeping sees of tenants: what it needs, and no text of theirs', async () => {
    const visible = ['job', 'job_attempt', 'artifact_content', 'tenant_quota'];
    for (const table of tables) {
      const read = sandbox.db.across((tx) => tx.query(`select * from ${table} limit 1`));
      if (visible.includes(table)) expect(await read).toHaveLength(1);
      else await expect(read).rejects.toThrow('permission denied');
    }
  });
});
