import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { openSandbox } from '../fixtures/sandbox.ts';

let sandbox: SandboxUnderTest;
let jobId: string;
beforeAll(async () => {
  sandbox = await openSandbox();
  sandbox.scripted.script = () => ({
    lines: Array.from({ length: 250 }, (_one, n) =>
      n % 10 === 9 ? (['stderr', `line ${String(n + 1)}`] as const) : `line ${String(n + 1)}`,
    ),
    linesPerRead: 40,
    files: { 'b.txt': 'second', 'a.txt': 'first', 'sub/c.txt': 'third' },
    verdict: { exitCode: 0 },
  });
  jobId = await sandbox.finished();
});
afterAll(() => sandbox.close());

async function ask(fields: string, tenant = 'acme') {
  const { data, errors } = await sandbox.ask(
    { tenant },
    `query ($id: ID!) { job(id: $id) { ${fields} } }`,
    { id: jobId },
  );
  return { job: data?.['job'] as Record<string, never> | null, errors };
}

interface Page {
  readonly edges: readonly { readonly node: Record<string, unknown>; readonly cursor: string }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** Reads a whole list, page by page. */
async function pages(field: string, args: string, node: string, first: number) {
  const nodes: Record<string, unknown>[] = [];
  for (let after: string | null = null; ;) {
    const from: string = after === null ? '' : `, after: "${after}"`;
    const { job, errors } = await ask(
      `${field}(first: ${String(first)}${args}${from}) {
        edges { node { ${node} } cursor } pageInfo { hasNextPage endCursor } }`,
    );
    expect(errors).toBeUndefined();
    const page = job?.[field] as unknown as Page;
    nodes.push(...page.edges.map((edge) => edge.node));
    if (!page.pageInfo.hasNextPage) return nodes;
    after = page.pageInfo.endCursor;
  }
}

describe('a job', () => {
  it('says how it ended, what it used, and when', async () => {
    const { job } = await ask(`id state exitCode startedAt finishedAt deadlineAt waiting { code }
      stateReason { code } usage { billableMs cpuMillicores memoryMib cpuMs memoryPeakBytes }
      attempts { number startedAt finishedAt exitCode signal reason { code } }`);
    expect(job).toMatchObject({
      ...{ id: jobId, state: 'SUCCEEDED', exitCode: 0, deadlineAt: null, stateReason: null },
      waiting: null,
      usage: {
        ...{ billableMs: 1_500, cpuMillicores: 500, memoryMib: 256, cpuMs: 700 },
        memoryPeakBytes: 3_000_000,
      },
      attempts: [{ number: 1, exitCode: 0, signal: null, reason: null }],
    });
    expect(job?.['startedAt']).not.toBeNull();
    expect(job?.['finishedAt']).not.toBeNull();
  });

  it.each([7, 100, 1_000])('gives its log line by line, in pages of %s', async (first) => {
    const lines = await pages('logs', '', 'n text', first);
    expect(lines).toEqual(
      Array.from({ length: 250 }, (_one, n) => ({ n: n + 1, text: `line ${String(n + 1)}` })),
    );
  });

  it('gives one stream of its log alone', async () => {
    const lines = await pages('logs', ', stream: STDERR', 'n stream', 6);
    expect(lines).toEqual(
      Array.from({ length: 25 }, (_one, n) => ({ n: (n + 1) * 10, stream: 'STDERR' })),
    );
  });

  it.each([
    ['logs', 0],
    ['logs', 1_001],
    ['events', 101],
    ['artifacts', -1],
  ])('refuses a page of %s that is none: %s', async (field, first) => {
    const { errors } = await ask(`${field}(first: ${String(first)}) { edges { cursor } }`);
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'first' });
  });

  it.each(['logs', 'events', 'artifacts'])('refuses a cursor of nothing in %s', async (field) => {
    const { errors } = await ask(`${field}(after: "bm90aGluZw") { edges { cursor } }`);
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_CURSOR' });
  });

  it('gives its events from the first to the last, in pages', async () => {
    const all = await pages('events', '', '__typename seq attempt', 4);
    expect(all.map((event) => event['seq'])).toEqual(all.map((_event, n) => n + 1));
    expect(all[0]).toMatchObject({ __typename: 'JobStateChanged', attempt: 1 });
    expect(all.at(-1)).toMatchObject({ __typename: 'JobFinished' });
  });

  it('gives its files by path, with a link each', async () => {
    const files = await pages('artifacts', '', 'path bytes mediaType sha256 downloadUrl', 2);
    expect(files.map((file) => file['path'])).toEqual(['a.txt', 'b.txt', 'sub/c.txt']);
    expect(files[0]).toMatchObject({ bytes: 5, mediaType: 'text/plain' });
    expect(files[0]?.['sha256']).toMatch(/^[0-9a-f]{64}$/);
    expect(files[0]?.['downloadUrl']).toMatch(/^http:\/\/forge\.test\/artifacts\/acme\.artifact_/);
  });
});

describe('the list of jobs', () => {
  it('gives the newest first, in pages, as filtered', async () => {
    const ids = [];
    for (let n = 0; n < 5; n += 1)
      ids.unshift(await sandbox.submit('lists', { name: `n${String(n)}` }));
    const read = async (args: string) => {
      const { data } = await sandbox.ask(
        { tenant: 'lists' },
        `{ jobs(${args}) { edges { node { id name } } pageInfo { hasNextPage endCursor } } }`,
      );
      return data?.['jobs'] as Page;
    };
    const page = await read('first: 3');
    expect(page.edges.map(({ node }) => node['id'])).toEqual(ids.slice(0, 3));
    const rest = await read(`first: 3, after: "${page.pageInfo.endCursor ?? ''}"`);
    expect(rest.edges.map(({ node }) => node['id'])).toEqual(ids.slice(3));
    const named = await read('filter: { name: "n2", states: [QUEUED], template: "shell" }');
    expect(named.edges.map(({ node }) => node['name'])).toEqual(['n2']);
    expect((await read('filter: { states: [RUNNING] }')).edges).toEqual([]);
  });
});

describe('what a tenant may have', () => {
  it('is told with what it has', async () => {
    await sandbox.submit('quota');
    const query =
      '{ sandboxQuota { weight concurrent { max used } queued { max used } cpuMillicores { max used } memoryMib { max used } } jobTemplates { id file } }';
    const { data } = await sandbox.ask({ tenant: 'quota' }, query);
    expect(data).toMatchObject({
      sandboxQuota: {
        weight: 1,
        concurrent: { max: 10, used: 0 },
        queued: { max: 1_000, used: 1 },
      },
      jobTemplates: [{ id: 'node' }, { id: 'python' }, { id: 'shell' }],
    });
  });

  it('is why a job waits, when all of it is in use', async () => {
    await sandbox.rows(
      'waits',
      `insert into tenant_quota values ('waits', 1, 10, 16000, 16384, 1)`,
    );
    const [first, second, third] = [
      await sandbox.submit('waits'),
      await sandbox.submit('waits'),
      await sandbox.submit('waits'),
    ];
    await sandbox.admit();
    const { data } = await sandbox.ask(
      { tenant: 'waits' },
      '{ jobs { edges { node { id state waiting { code position } } } } }',
    );
    expect((data?.['jobs'] as Page).edges.map(({ node }) => node)).toEqual([
      { id: third, state: 'QUEUED', waiting: { code: 'WAITING_FOR_QUOTA', position: 2 } },
      { id: second, state: 'QUEUED', waiting: { code: 'WAITING_FOR_QUOTA', position: 1 } },
      { id: first, state: 'ADMITTED', waiting: null },
    ]);
  });
});
