import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { openSandbox } from '../fixtures/sandbox.ts';

let sandbox: SandboxUnderTest;
beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(() => sandbox.close());

let keys = 0;
const newKey = () => `key-${String((keys += 1))}`;

async function change(field: 'cancelJob' | 'retryJob', input: object) {
  const type = field === 'cancelJob' ? 'CancelJobInput' : 'RetryJobInput';
  const success = field === 'cancelJob' ? 'CancelJobSuccess' : 'RetryJobSuccess';
  const { data, errors } = await sandbox.ask(
    { tenant: 'acme' },
    `mutation ($input: ${type}!) { ${field}(input: $input) { __typename
       ... on ${success} { replayed job { id state retryOf stateReason { code message } spec { source } } }
       ... on Refusal { code message } } }`,
    { input },
  );
  expect(errors).toBeUndefined();
  return data?.[field] as Record<string, unknown> & { job: { id: string } };
}

const cancel = (id: string, idempotencyKey = newKey(), reason?: string) =>
  change('cancelJob', { id, idempotencyKey, ...(reason !== undefined && { reason }) });
const retry = (id: string, idempotencyKey = newKey()) => change('retryJob', { id, idempotencyKey });

describe('cancelling a job', () => {
  it('ends one that waits at once, with the reason that was given', async () => {
    const id = await sandbox.submit();
    expect(await cancel(id, newKey(), 'wrong input')).toMatchObject({
      __typename: 'CancelJobSuccess',
      replayed: false,
      job: { state: 'CANCELLED', stateReason: { code: 'CANCELLED_BY_USER' } },
    });
    expect((await sandbox.job(id))?.reasonMessage).toBe('The job was cancelled. wrong input');
    await sandbox.billing.answer();
    expect(sandbox.billing.about(id, 'sandbox.hold-unneeded')).toHaveLength(1);
  });

  it('asks one that runs to stop, and is content with one that stops already', async () => {
    const id = await sandbox.admitted();
    expect(await cancel(id)).toMatchObject({ job: { state: 'CANCELLING' } });
    expect(await cancel(id)).toMatchObject({ __typename: 'CancelJobSuccess' });
    expect((await sandbox.states(id)).filter((state) => state === 'CANCELLING')).toHaveLength(1);
  });

  it('leaves an end as it is and says so', async () => {
    const id = await sandbox.finished();
    const before = await sandbox.events(id);
    expect(await cancel(id)).toMatchObject({
      __typename: 'JobAlreadyOver',
      message: `The job ${id} ended SUCCEEDED already.`,
    });
    expect(await sandbox.events(id)).toEqual(before);
  });

  it('answers the same for a repeated key, and refuses it for another job', async () => {
    const [id, other] = [await sandbox.submit(), await sandbox.submit()];
    const key = newKey();
    await cancel(id, key);
    expect(await cancel(id, key)).toMatchObject({ replayed: true });
    expect(await cancel(other, key)).toMatchObject({ __typename: 'IdempotencyKeyReused' });
    expect((await sandbox.job(other))?.state).toBe('QUEUED');
  });

  it('of nothing is not found', async () => {
    expect(await cancel('job_nothing')).toMatchObject({ __typename: 'NotFound' });
    expect(await cancel(`job_${'0'.repeat(26)}`)).toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each(['x'.repeat(501), 'a\u0000'])(
    'refuses a reason that cannot be kept: %#',
    async (reason) => {
      const input = { id: await sandbox.submit(), idempotencyKey: newKey(), reason };
      const { errors } = await sandbox.ask(
        { tenant: 'acme' },
        'mutation ($input: CancelJobInput!) { cancelJob(input: $input) { __typename } }',
        { input },
      );
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'reason' });
    },
  );
});

describe('retrying a job', () => {
  it('queues a new one with the same spec', async () => {
    sandbox.scripted.script = () => ({ verdict: { exitCode: 1 } });
    const id = await sandbox.finished('acme', { source: 'exit 1', name: 'flaky' });
    const answer = await retry(id);
    expect(answer).toMatchObject({
      __typename: 'RetryJobSuccess',
      job: { state: 'QUEUED', retryOf: id, spec: { source: 'exit 1' } },
    });
    expect(answer.job.id).not.toBe(id);
    expect((await sandbox.job(id))?.state).toBe('FAILED');
  });

  it('with one key gives one job', async () => {
    const id = await sandbox.submit();
    await cancel(id);
    const key = newKey();
    const answers = await Promise.all(Array.from({ length: 6 }, () => retry(id, key)));
    expect(new Set(answers.map(({ job }) => job.id)).size).toBe(1);
  });

  it('is refused while the job is under way, and after a success', async () => {
    sandbox.scripted.script = () => ({});
    const done = await sandbox.finished();
    const waiting = await sandbox.submit();
    for (const id of [done, waiting]) {
      expect(await retry(id)).toMatchObject({ __typename: 'RetryRefused', code: 'RETRY_REFUSED' });
    }
    expect(await retry('nothing')).toMatchObject({ __typename: 'NotFound' });
  });
});
