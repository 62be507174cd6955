import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { openSandbox } from '../fixtures/sandbox.ts';
import { linkLifeMs } from '../domain/artifact-link.ts';
import type { ArtifactDownloads } from './artifact-download.ts';
import { artifactDownloads } from './artifact-download.ts';

const large = 'x'.repeat(2 * 1_048_576 + 17);
let sandbox: SandboxUnderTest;
let download: ArtifactDownloads;
let paths: Record<string, string>;
beforeAll(async () => {
  sandbox = await openSandbox();
  const { db, clock, deps } = sandbox;
  download = artifactDownloads({ db, clock, key: deps.links.key, storage: deps.storage });
  sandbox.scripted.script = () => ({
    files: { 'a.txt': 'hello', 'large.bin': large, 'odd "ñ"\'.html': '<script>', empty: '' },
  });
  const id = await sandbox.finished();
  const { data } = await sandbox.ask(
    { tenant: 'acme' },
    `{ job(id: "${id}") { artifacts { edges { node { path downloadUrl } } } } }`,
  );
  type Edges = { node: { path: string; downloadUrl: string } }[];
  const { edges } = (data as { job: { artifacts: { edges: Edges } } }).job.artifacts;
  paths = Object.fromEntries(
    edges.map(({ node }) => [
      node.path,
      node.downloadUrl.replace('http://forge.test/artifacts/', ''),
    ]),
  );
});
afterAll(() => sandbox.close());

async function get(path = '', method = 'GET', part: { range?: string; ifRange?: string } = {}) {
  const { status, headers, body } = await download({ method, path, ...part });
  const parts = [];
  for await (const part of body) parts.push(part);
  return { status, headers, text: Buffer.concat(parts).toString(), parts: parts.length };
}

describe('downloading an artifact', () => {
  it('gives its content, as a file that nothing of runs', async () => {
    const { status, headers, text } = await get(paths['a.txt']);
    expect({ status, text }).toEqual({ status: 200, text: 'hello' });
    expect(headers).toMatchObject({
      'content-type': 'text/plain',
      'content-length': '5',
      'content-disposition': `attachment; filename="a.txt"; filename*=UTF-8''a.txt`,
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-store',
      'repr-digest': 'sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:',
    });
  });

  it('gives a part to whoever asks for one, of the same file only', async () => {
    const link = paths['a.txt'];
    const { headers } = await get(link);
    expect(headers['accept-ranges']).toBe('bytes');
    const part = await get(link, 'GET', { range: 'bytes=1-3' });
    expect(part).toMatchObject({ status: 206, text: 'ell' });
    expect(part.headers).toMatchObject({
      'content-range': 'bytes 1-3/5',
      'content-length': '3',
      'x-content-type-options': 'nosniff',
    });
    const same = { range: 'bytes=-2', ifRange: headers['etag'] ?? '' };
    expect(await get(link, 'GET', same)).toMatchObject({ status: 206, text: 'lo' });
    const other = { range: 'bytes=-2', ifRange: '"another"' };
    expect(await get(link, 'GET', other)).toMatchObject({ status: 200, text: 'hello' });
    const none = await get(link, 'GET', { range: 'bytes=5-' });
    expect(none).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */5' } });
    const large = await get(paths['large.bin'], 'GET', { range: 'bytes=1048570-1048580' });
    expect(large).toMatchObject({ status: 206, text: 'xxxxxxxxxxx' });
  });

  it('gives a large one part by part, and an empty one', async () => {
    const { text, parts } = await get(paths['large.bin']);
    expect(text === large).toBe(true);
    expect(parts).toBeGreaterThan(3);
    expect(await get(paths['empty'])).toMatchObject({ status: 200, text: '' });
  });

  it('puts any name into its header safely', async () => {
    const { headers } = await get(paths['odd "ñ"\'.html']);
    expect(headers['content-disposition']).toBe(
      `attachment; filename="odd_____.html"; filename*=UTF-8''odd%20%22%C3%B1%22%27.html`,
    );
  });

  it('answers HEAD without the content, and nothing else', async () => {
    expect(await get(paths['a.txt'], 'HEAD')).toMatchObject({ status: 200, text: '' });
    expect(await get(paths['a.txt'], 'POST')).toMatchObject({ status: 405 });
  });

  it.each(['', 'x', '../../etc/passwd', 'acme.artifact_1.99999999999999.AAAA/a.txt'])(
    'answers anything that is no link of ours like nothing: %j',
    async (path) => {
      expect(await get(path)).toMatchObject({ status: 404, text: 'There is no such file.\n' });
    },
  );

  it('is for its tenant and its file: no part of a link can be exchanged', async () => {
    const link = paths['a.txt'] ?? '';
    expect(await get(link.replace('acme.', 'globex.'))).toMatchObject({ status: 404 });
    expect(await get(link.replace(/artifact_\w+/, 'artifact_0'))).toMatchObject({ status: 404 });
  });

  it('is over when the link has expired, and when the file is no longer kept', async () => {
    sandbox.clock.aheadMs = linkLifeMs + 1_000;
    expect(await get(paths['a.txt'])).toMatchObject({ status: 410 });
    sandbox.clock.aheadMs = 0;
    await sandbox.rows('acme', `delete from artifact where path = 'a.txt'`);
    expect(await get(paths['a.txt'])).toMatchObject({ status: 404 });
  });
});
