import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { openSandbox } from '../fixtures/sandbox.ts';

let sandbox: SandboxUnderTest;
beforeAll(async () => {
  sandbox = await openSandbox();
  sandbox.scripted.script = () => ({
    lines: ['one', '::progress {"percent":40,"message":"half"}', ['stderr', 'two']],
    linesPerRead: 1,
    gap: { at: new Date(), bytes: 5, why: 'LOST' },
    files: { 'report.txt': 'fine' },
    refusedFiles: ['link'],
    verdict: { exitCode: 3 },
  });
});
afterAll(() => sandbox.close());

const acme = { tenant: 'acme' };
const events = (jobId: string, after?: unknown) => `subscription {
  jobEvents(jobId: "${jobId}"${after === undefined ? '' : `, after: ${JSON.stringify(after)}`}) {
    __typename jobId seq cursor at attempt job { id state }
    ... on JobStateChanged { state reason { code message retryable } }
    ... on JobProgress { percent message }
    ... on JobLogAppended { lines { n at stream text truncated } }
    ... on JobLogGap { bytes why }
    ... on JobUsageSampled { billableMs cpuMs memoryBytes memoryPeakBytes }
    ... on JobArtifactAdded { artifact { path bytes sha256 downloadUrl } }
    ... on JobArtifactRefused { path code text: message }
    ... on JobFinished { state reason { code message } exitCode }
  } }`;

type Event = Record<string, unknown>;

async function watch(query: string, count = Infinity, caller: { tenant: string } = acme) {
  const results = await sandbox.watch(caller, query, count);
  return results.map(({ data, errors }) => {
    expect(errors).toBeUndefined();
    return data?.['jobEvents'] as Event;
  });
}

describe('jobEvents', () => {
  it('tells a job from its start, goes on live, and ends after JobFinished', async () => {
    const id = await sandbox.admitted();
    const watched = watch(events(id));
    await sandbox.run(id)();
    const all = await watched;
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_event, n) => n + 1));
    expect(all.every((event) => event['jobId'] === id)).toBe(true);
    const of = (type: string) => all.filter((event) => event['__typename'] === type);
    expect(of('JobStateChanged').map(({ state }) => state)).toEqual([
      ...['QUEUED', 'ADMITTED', 'CREATING', 'RUNNING', 'COLLECTING', 'FAILED'],
    ]);
    expect(of('JobProgress')).toMatchObject([{ percent: 40, message: 'half' }]);
    expect(of('JobLogAppended').map(({ lines }) => lines)).toMatchObject([
      [{ n: 1, stream: 'STDOUT', text: 'one', truncated: false }],
      [{ n: 2, stream: 'STDERR', text: 'two', truncated: false }],
    ]);
    expect(of('JobLogGap')).toMatchObject([{ bytes: 5, why: 'LOST' }]);
    expect(of('JobUsageSampled').at(-1)).toMatchObject({ billableMs: 1_500, cpuMs: 700 });
    expect(of('JobArtifactAdded')).toMatchObject([{ artifact: { path: 'report.txt', bytes: 4 } }]);
    expect(of('JobArtifactRefused')).toMatchObject([{ path: 'link', code: 'NOT_A_REGULAR_FILE' }]);
    expect(all.at(-1)).toMatchObject({
      __typename: 'JobFinished',
      state: 'FAILED',
      exitCode: 3,
      reason: { code: 'EXIT_NON_ZERO' },
      job: { id, state: 'FAILED' },
    });
  });

  it('replays after any cursor exactly what follows, and nothing after the end', async () => {
    const id = await sandbox.finished();
    const all = await watch(events(id));
    for (const [n, event] of all.entries()) {
      const rest = await watch(events(id, event['cursor']));
      expect(rest.map(({ seq }) => seq)).toEqual(all.slice(n + 1).map(({ seq }) => seq));
    }
  });

  it('gives many watchers the same', async () => {
    const id = await sandbox.admitted();
    const watching = Array.from({ length: 8 }, () =>
      watch(`subscription { jobEvents(jobId: "${id}") { __typename seq } }`),
    );
    await sandbox.run(id)();
    const [first, ...others] = await Promise.all(watching);
    for (const other of others) expect(other).toEqual(first);
  });

  it('refuses the cursor of another job', async () => {
    const [mine, other] = [await sandbox.submit(), await sandbox.submit()];
    const [event] = await watch(events(other), 1);
    const [result] = await sandbox.watch(acme, events(mine, event?.['cursor']), 1);
    expect(result?.errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_CURSOR' });
  });

  it('has the log gone, and says so by nothing, once it is no longer kept', async () => {
    const id = await sandbox.finished();
    await sandbox.rows('acme', 'delete from log_chunk where job_id = $1', [id]);
    const all = await watch(events(id));
    const logs = all.filter((event) => event['__typename'] === 'JobLogAppended');
    expect(logs.map(({ lines }) => lines)).toEqual(logs.map(() => []));
  });
});
