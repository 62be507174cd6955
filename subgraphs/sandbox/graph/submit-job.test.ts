import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { openSandbox } from '../fixtures/sandbox.ts';

let sandbox: SandboxUnderTest;
beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(() => sandbox.close());

const mutation = `mutation ($input: SubmitJobInput!) { submitJob(input: $input) {
  __typename
  ... on SubmitJobSuccess { replayed job {
    id name state template exitCode attempts { number } labels { name value } submittedBy { type id }
    stateReason { code retryable } waiting { code position } usage { billableMs } createdAt deadlineAt
    spec { source args envNames timeoutSeconds resources { cpuMillicores memoryMib } } } }
  ... on JobSpecInvalid { problems { field message } }
  ... on Refusal { code message } } }`;

const spec = { template: 'shell', source: 'echo hi' };
type Answer = Record<string, unknown> & { job: { id: string } & Record<string, unknown> };

async function submit(idempotencyKey: string, change: object = {}, tenant = 'acme') {
  const input = { idempotencyKey, spec: { ...spec, ...change } };
  const { data, errors } = await sandbox.ask({ tenant }, mutation, { input });
  return { answer: (data?.['submitJob'] ?? {}) as Answer, errors };
}

function jobsOf(tenant: string) {
  return sandbox.rows(tenant, 'select id from job');
}

describe('submitting a job', () => {
  it('queues it with everything that was asked for, and its defaults', async () => {
    const { answer, errors } = await submit('k1', {
      name: 'nightly',
      args: ['a', 'b'],
      env: [{ name: 'TOKEN', value: 'very-secret' }],
      labels: [{ name: 'team', value: 'cx' }],
      timeoutSeconds: 5,
      resources: { memoryMib: 64 },
    });
    expect(errors).toBeUndefined();
    expect(answer).toMatchObject({
      __typename: 'SubmitJobSuccess',
      replayed: false,
      job: {
        ...{ name: 'nightly', state: 'QUEUED', template: 'shell', exitCode: null, usage: null },
        attempts: [{ number: 1 }],
        labels: [{ name: 'team', value: 'cx' }],
        submittedBy: { type: 'USER', id: 'alice' },
        stateReason: { code: 'WAITING_FOR_CREDIT', retryable: true },
        waiting: { code: 'WAITING_FOR_CREDIT', position: 1 },
        spec: {
          source: 'echo hi',
          args: ['a', 'b'],
          envNames: ['TOKEN'],
          timeoutSeconds: 5,
          resources: { cpuMillicores: 500, memoryMib: 64 },
        },
      },
    });
    expect(JSON.stringify(answer)).not.toContain('very-secret');
    expect(await sandbox.states(answer.job.id)).toEqual(['QUEUED']);
    await sandbox.billing.answer();
    expect(sandbox.billing.about(answer.job.id, 'sandbox.job-submitted')).toEqual([
      {
        ...{ jobId: answer.job.id, attempt: 1, template: 'shell' },
        ...{ cpuMillicores: 500, memoryMib: 64, timeoutSeconds: 5 },
      },
    ]);
  });

  it('leaves an audit entry, in the same transaction', async () => {
    const { answer } = await submit('audited');
    const { rows } = await sandbox.db.owner.query<{ payload: Record<string, unknown> }>(
      `select payload from forge.message where topic = 'audit.recorded' and key = $1`,
      [answer.job.id],
    );
    expect(rows).toMatchObject([
      {
        payload: {
          action: 'job.submitted',
          actor: { type: 'user', id: 'alice' },
          target: { type: 'job', id: answer.job.id },
          outcome: 'success',
        },
      },
    ]);
  });

  it('with one key gives one job, however often and however much at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => submit('same', {}, 'globex')),
    );
    const ids = new Set(answers.map(({ answer }) => answer.job.id));
    expect(ids.size).toBe(1);
    expect(answers.filter(({ answer }) => answer['replayed'] === false)).toHaveLength(1);
    expect(await jobsOf('globex')).toHaveLength(1);
  });

  it('with a key that was used for something else does nothing', async () => {
    await submit('reused');
    const before = await jobsOf('acme');
    const { answer } = await submit('reused', { source: 'echo other' });
    expect(answer).toMatchObject({ __typename: 'IdempotencyKeyReused' });
    expect(await jobsOf('acme')).toHaveLength(before.length);
  });

  it('takes a spec that says the same for the same', async () => {
    const first = await submit('defaults');
    const second = await submit('defaults', { timeoutSeconds: 60, args: [], resources: {} });
    expect(second.answer).toMatchObject({ replayed: true, job: { id: first.answer.job.id } });
  });

  it('says everything that is wrong with a spec, and queues nothing', async () => {
    const before = await jobsOf('acme');
    const { answer } = await submit('bad', { template: 'cobol', source: '', timeoutSeconds: 0 });
    expect(answer).toMatchObject({
      __typename: 'JobSpecInvalid',
      code: 'JOB_SPEC_INVALID',
      problems: [
        { field: 'spec.template' },
        { field: 'spec.source' },
        { field: 'spec.timeoutSeconds' },
      ],
    });
    expect(await jobsOf('acme')).toHaveLength(before.length);
  });

  it.each(['', 'x'.repeat(256)])('refuses a key that is none: %#', async (key) => {
    const { errors } = await submit(key);
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  it.each([
    ['a number beyond 32 bits', { timeoutSeconds: 5_000_000_000 }],
    ['a fraction', { timeoutSeconds: 1.5 }],
    ['a field that does not exist', { image: 'x' }],
    ['no source at all', { source: null }],
  ])('refuses %s before anything happens', async (_what, change) => {
    const { errors } = await submit('odd', change);
    expect(errors).toBeDefined();
  });

  it('validates a spec without queueing it', async () => {
    const query = `query ($spec: JobSpecInput!) {
      validateJobSpec(spec: $spec) { valid problems { field } } }`;
    const ask = (change: object) =>
      sandbox.ask({ tenant: 'acme' }, query, { spec: { ...spec, ...change } });
    expect((await ask({})).data).toEqual({ validateJobSpec: { valid: true, problems: [] } });
    expect((await ask({ source: '' })).data).toEqual({
      validateJobSpec: { valid: false, problems: [{ field: 'spec.source' }] },
    });
  });
});

describe('a queue that is full', () => {
  const limited = (tenant: string, queuedMax: number, memoryMibMax = 16_384) =>
    sandbox.rows(
      tenant,
      `insert into tenant_quota values ($1, 10, $2, 16000, $3, 1)
       on conflict (tenant_id) do update set queued_max = $2`,
      [tenant, queuedMax, memoryMibMax],
    );

  it('takes no more than it may, however many come at once', async () => {
    await limited('flood', 5);
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_one, n) => submit(`f${String(n)}`, {}, 'flood')),
    );
    const kinds = answers.map(({ answer }) => answer['__typename']);
    expect(kinds.filter((kind) => kind === 'SubmitJobSuccess')).toHaveLength(5);
    expect(kinds.filter((kind) => kind === 'QuotaExceeded')).toHaveLength(11);
    expect(await jobsOf('flood')).toHaveLength(5);
  });

  it('does not remember that it was full: the same call may do later', async () => {
    await limited('patient', 0);
    expect((await submit('again', {}, 'patient')).answer).toMatchObject({ code: 'QUOTA_EXCEEDED' });
    await limited('patient', 1);
    expect((await submit('again', {}, 'patient')).answer).toMatchObject({ replayed: false });
  });

  it('refuses at once what could never run', async () => {
    await limited('tiny', 10, 128);
    const { answer } = await submit('large', {}, 'tiny');
    expect(answer).toMatchObject({ __typename: 'QuotaExceeded' });
    expect(String(answer['message'])).toContain('128 memoryMib');
  });
});
