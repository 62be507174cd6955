import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Simulator } from '../../../infra/simulators/s3/simulator.ts';
import type { SaidContent } from '../domain/artifact-content.ts';
import type { ArtifactStorage } from './artifact-storage.ts';
import { folderStorage } from './folder-storage.ts';
import { s3Storage } from './s3-storage.ts';

const root = await mkdtemp(join(tmpdir(), 'forge-storage-'));
const s3 = await S3Simulator.start();
const { endpoint, bucket, region, credentials } = s3;
const pace = { quietMsMax: 300, retryMs: 1 };
const s3Options = { endpoint, bucket, region, ...credentials, pathStyle: true, pace };
const folder = folderStorage(root);
const inBucket = s3Storage(s3Options);
beforeEach(() => {
  s3.recover();
});
afterAll(async () => {
  await Promise.all([folder.close(), inBucket.close(), s3.close()]);
  await rm(root, { recursive: true });
});

let keys = 0;
const newKey = (): string => `owner/job/artifact_${String((keys += 1))}`;

function said(content: Buffer, change: Partial<SaidContent> = {}): SaidContent {
  const pieces = {
    async *[Symbol.asyncIterator]() {
      for (let at = 0; at < content.length; at += 70_000) {
        yield await Promise.resolve(content.subarray(at, at + 70_000));
      }
    },
  };
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { bytes: content.length, sha256, content: pieces, ...change };
}

async function got(storage: ArtifactStorage, key: string, start = 0, end = 1e9) {
  const found = await storage.open(key, { start, end: Math.min(end, content.length) });
  if (!found) return undefined;
  const pieces = [];
  for await (const piece of found) pieces.push(piece);
  return Buffer.concat(pieces);
}

const content = randomBytes(1_000_000);

describe.each([
  ['a folder', folder],
  ['a bucket of S3', inBucket],
])('%s', (_name, storage) => {
  it('gives what was put, whole and in part', async () => {
    const key = newKey();
    await storage.put(key, said(content));
    expect((await got(storage, key))?.equals(content)).toBe(true);
    const part = content.subarray(123_456, 654_321);
    expect((await got(storage, key, 123_456, 654_321))?.equals(part)).toBe(true);
    expect(await got(storage, key, 999_999)).toEqual(content.subarray(999_999));
  });

  it('keeps what is empty', async () => {
    const key = newKey();
    await storage.put(key, said(Buffer.alloc(0)));
    expect(await got(storage, key, 0, 0)).toEqual(Buffer.alloc(0));
  });

  it('has nothing under a key that nothing was put under', async () => {
    expect(await got(storage, newKey())).toBeUndefined();
    await storage.remove(newKey());
  });

  it.each<[string, Partial<SaidContent>]>([
    ['shorter', { bytes: content.length + 1 }],
    ['longer', { bytes: content.length - 1 }],
    ['another', { sha256: '0'.repeat(64) }],
    ['not empty', { bytes: 0 }],
  ])('has nothing of a content that is %s than was said', async (_how, change) => {
    const key = newKey();
    const putting = storage.put(key, said(content, change));
    await expect(putting).rejects.toMatchObject({ name: 'ContentChanged' });
    expect(await got(storage, key)).toBeUndefined();
  });

  it('has nothing of a content whose source broke', async () => {
    const key = newKey();
    const broken = (async function* () {
      yield await Promise.resolve(content.subarray(0, 500_000));
      throw new Error('the client is gone');
    })();
    await expect(storage.put(key, said(content, { content: broken }))).rejects.toThrow();
    expect(await got(storage, key)).toBeUndefined();
  });

  it('puts the same again, from two at once, as if once', async () => {
    const key = newKey();
    await Promise.all([storage.put(key, said(content)), storage.put(key, said(content))]);
    await storage.put(key, said(content));
    expect((await got(storage, key))?.equals(content)).toBe(true);
    await storage.remove(key);
    await storage.remove(key);
    expect(await got(storage, key)).toBeUndefined();
  });

  it('gives a call up when its signal fires', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(storage.put(newKey(), said(content), { signal })).rejects.toThrow('enough');
    await expect(storage.open(newKey(), { start: 0, end: 1 }, { signal })).rejects.toThrow(
      'enough',
    );
  });
});

describe('a folder', () => {
  it('loses the half-written with the key, and nothing else', async () => {
    const key = newKey();
    await folder.put(key, said(content));
    await folder.put(`${key}0`, said(content));
    await writeFile(join(root, `${key}.0123456789ab.partial`), 'half');
    await folder.remove(key);
    const left = await readdir(join(root, 'owner/job'));
    expect(left.filter((name) => `owner/job/${name}`.startsWith(key))).toEqual([
      `${key}0`.split('/').at(-1),
    ]);
  });

  it('is for its owner alone', async () => {
    const key = newKey();
    await folder.put(key, said(content));
    expect((await stat(join(root, key))).mode & 0o777).toBe(0o600);
    expect((await stat(join(root, 'owner/job'))).mode & 0o777).toBe(0o700);
  });

  it('that cannot be written is as no answer: asked again later, it may do', async () => {
    const shut = join(root, 'shut');
    await mkdir(shut);
    await writeFile(join(shut, 'owner'), 'in the way');
    const putting = folderStorage(shut).put(newKey(), said(content));
    await expect(putting).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE', retryable: true });
  });
});

describe('a bucket of S3', () => {
  const noAnswer = { code: 'PROVIDER_UNAVAILABLE', retryable: true };

  it.each([
    ['a server error', { kind: 'status', code: 500, name: 'InternalError' }],
    ['too many requests', { kind: 'status', code: 503, name: 'SlowDown' }],
    ['a connection that breaks in the middle', { kind: 'reset-request', afterBytes: 300_000 }],
    ['no answer', { kind: 'hang' }],
  ] as const)(
    'that fails a put with %s has nothing, and the next put does',
    async (_how, fault) => {
      const key = newKey();
      s3.fail({ method: 'PUT', fault });
      await expect(inBucket.put(key, said(content))).rejects.toMatchObject(noAnswer);
      expect(await got(inBucket, key)).toBeUndefined();
      await inBucket.put(key, said(content));
      expect((await got(inBucket, key))?.equals(content)).toBe(true);
    },
  );

  it('whose answer was lost has it, and takes it again', async () => {
    const key = newKey();
    s3.fail({ method: 'PUT', fault: { kind: 'lost-answer' } });
    await expect(inBucket.put(key, said(content))).rejects.toMatchObject(noAnswer);
    await inBucket.put(key, said(content));
    expect((await got(inBucket, key))?.equals(content)).toBe(true);
  });

  it('checks what came itself: what was changed on the way is not kept', async () => {
    const key = newKey();
    s3.fail({ method: 'PUT', fault: { kind: 'bit-flip' } });
    const putting = inBucket.put(key, said(content));
    await expect(putting).rejects.toMatchObject({ name: 'ContentChanged' });
    expect(await got(inBucket, key)).toBeUndefined();
  });

  it('goes on where an answer broke off, so that a reader sees nothing of it', async () => {
    const key = newKey();
    await inBucket.put(key, said(content));
    s3.fail({ method: 'GET', fault: { kind: 'reset-answer', afterBytes: 200_000 } });
    s3.fail({ method: 'GET', fault: { kind: 'status', code: 503, name: 'SlowDown' } });
    s3.fail({ method: 'GET', fault: { kind: 'reset-answer', afterBytes: 300_000 } });
    expect((await got(inBucket, key))?.equals(content)).toBe(true);
  });

  it('that stays away is no answer, never a missing file', async () => {
    const key = newKey();
    await inBucket.put(key, said(content));
    const fault = { kind: 'status', code: 503, name: 'SlowDown' } as const;
    s3.fail({ method: 'GET', fault, times: 10 });
    await expect(got(inBucket, key)).rejects.toMatchObject(noAnswer);
  });

  it.each([
    ['another secret', { secretAccessKey: 'wrong' }],
    ['another region', { region: 'us-east-1' }],
    ['another bucket', { bucket: 'elsewhere' }],
  ])('is not reached with %s, and says so as no answer', async (_what, change) => {
    const wrong = s3Storage({ ...s3Options, ...change });
    await expect(wrong.put(newKey(), said(content))).rejects.toMatchObject(noAnswer);
    await expect(got(wrong, newKey())).rejects.toMatchObject(noAnswer);
    await wrong.close();
  });

  it('is found by its host’s name, where it is not in the path', async () => {
    const named = s3Storage({ ...s3Options, endpoint: 'http://s3.invalid', pathStyle: false });
    const asked = named.put(newKey(), said(content));
    const cause = await asked.catch((error: unknown) => (error as Error).cause);
    expect(String(cause)).toContain(`${bucket}.s3.invalid`);
    await named.close();
  });
});
