import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  exchange,
  fileLine,
  refusedLine,
  sha256,
  uploadClient,
} from '../../fixtures/upload-client.ts';
import { signUpload } from '../../domain/upload-token.ts';
import type { GateUnderTest } from './fixtures/gate-under-test.ts';
import { openGate } from './fixtures/gate-under-test.ts';

let gate: GateUnderTest;
beforeAll(async () => {
  gate = await openGate();
});
afterAll(() => gate.close());
afterEach(() => gate.reset());

describe('an upload', () => {
  it('brings files and refusals to a job, all of them at once', async () => {
    const { ref, client } = await gate.running();
    const manifest =
      fileLine('a.txt', 'hello') + refusedLine('HARD_LINK', 'b') + fileLine('empty', '');
    expect(await client.begin(manifest)).toEqual({
      status: 200,
      lines: ['OPEN', 'wanted 1', 'refused 2', 'wanted 3'],
    });
    expect(await client.put(1, 'hello')).toEqual({ status: 200, lines: ['STORED'] });
    expect(await client.commit()).toEqual({ status: 409, lines: ['INCOMPLETE'] });
    expect(await gate.seen(ref.jobId)).toEqual([]);
    expect(await client.put(3, '')).toMatchObject({ status: 200 });
    expect(await client.commit()).toEqual({ status: 200, lines: ['COMMITTED'] });
    expect(await gate.seen(ref.jobId)).toEqual([]);
    expect(await gate.taken(ref)).toEqual({
      outcome: 'published',
      files: ['a.txt', 'empty'],
      refused: ['b: HARD_LINK'],
    });
    expect((await gate.taken(ref)).files).toHaveLength(2);
  });

  it('of nothing is one as well', async () => {
    const { ref, client } = await gate.running();
    expect(await client.begin('')).toMatchObject({ status: 200 });
    expect(await client.commit()).toMatchObject({ status: 200 });
    expect(await gate.taken(ref)).toMatchObject({ outcome: 'published', files: [] });
  });

  it('goes on after any answer was lost, and is begun with one manifest only', async () => {
    const { client } = await gate.running();
    const manifest = fileLine('a', 'one') + fileLine('b', 'two');
    for (let again = 0; again < 3; again += 1) {
      expect(await client.begin(manifest)).toMatchObject({ status: 200 });
    }
    await client.put(1, 'one');
    expect(await client.put(1, 'one')).toEqual({ status: 200, lines: ['STORED'] });
    expect((await client.begin(manifest)).lines).toEqual(['OPEN', 'stored 1', 'wanted 2']);
    expect(await client.begin(fileLine('c', 'x'))).toEqual({ status: 409, lines: ['USED'] });
  });

  it('is taken while it is committed by many, once', async () => {
    const { client } = await gate.running();
    const manifest = fileLine('a', 'one');
    const begun = await Promise.all(Array.from({ length: 8 }, () => client.begin(manifest)));
    expect(new Set(begun.map(({ status }) => status))).toEqual(new Set([200]));
    await Promise.all(Array.from({ length: 8 }, () => client.put(1, 'one')));
    const ends = await Promise.all(Array.from({ length: 8 }, () => client.commit()));
    const words = ends.map(({ lines }) => lines[0]).sort();
    expect(words).toEqual(['COMMITTED', ...Array<string>(7).fill('COMPLETE')].sort());
  });

  it('of two manifests at once has one winner', async () => {
    const { client } = await gate.running();
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => client.begin(fileLine(name, name))),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ lines }) => lines[0] === 'USED')).toHaveLength(3);
  });
});

describe('a token', () => {
  it('is used up by a commit, in every process and after any kill', async () => {
    const { client, token } = await gate.running();
    const manifest = fileLine('a', 'one');
    await client.begin(manifest);
    await client.put(1, 'one');
    await client.commit();
    const other = await gate.another();
    const elsewhere = uploadClient(gate.originOf(other), token);
    for (const one of [client, elsewhere]) {
      for (const answer of [
        await one.begin(manifest),
        await one.begin(fileLine('b', 'two')),
        await one.put(1, 'one'),
        await one.commit(),
      ]) {
        expect(answer).toEqual({ status: 409, lines: ['COMPLETE'] });
      }
    }
    await other.close(1_000);
  });

  it('opens nothing once it has expired', async () => {
    const { client } = await gate.running();
    gate.sandbox.clock.aheadMs = 61_000;
    expect(await client.begin('')).toEqual({ status: 401, lines: ['EXPIRED'] });
  });

  it('is for its tenant, its job and its attempt', async () => {
    for (const change of [{ tenant: 'globex' }, { attempt: 2 }, { jobId: 'job_none' }]) {
      const { client } = await gate.running(change);
      expect(await client.begin('')).toEqual({ status: 410, lines: ['OVER'] });
      expect(await client.put(1, 'x')).toMatchObject({ status: 404 });
      expect(await client.commit()).toMatchObject({ status: 410 });
    }
  });

  it('is over with its job', async () => {
    const { ref, client } = await gate.running();
    await gate.sandbox.rows(
      'acme',
      `update job set state = 'CANCELLED', deadline_at = null, finished_at = now() where id = $1`,
      [ref.jobId],
    );
    expect(await client.begin('')).toEqual({ status: 410, lines: ['OVER'] });
  });

  it('cannot be made of another, and its secret is needed for every request', async () => {
    const { token } = await gate.running();
    const parts = token.split('.');
    const claims = parts.slice(0, -1).join('.');
    const wider = [...parts];
    wider[6] = String(1e12);
    expect(await uploadClient(gate.origin, wider.join('.')).begin('')).toMatchObject({
      status: 401,
    });
    expect(await uploadClient(gate.origin, `${claims}.${'0'.repeat(64)}`).begin('')).toMatchObject({
      status: 401,
    });
    const bare = {
      method: 'POST',
      path: '/v1/upload',
      headers: { authorization: `Bearer ${token}` },
    };
    expect(await exchange(gate.origin, bare, Buffer.alloc(0))).toEqual({
      status: 401,
      lines: ['UNAUTHENTICATED'],
    });
  });

  it('signs one request: what was heard of it opens no other', async () => {
    const { client, token } = await gate.running();
    const heard: Record<string, string> = {};
    await client.begin(fileLine('a', 'one'));
    const [claims, secret] = [token.replace(/[.][^.]*$/, ''), token.split('.').at(-1) ?? ''];
    const signed = { method: 'PUT', path: '/v1/upload/1', contentSha256: sha256('one') };
    heard['authorization'] = `Forge-Upload ${claims} ${signUpload(secret, signed)}`;
    heard['x-content-sha256'] = signed.contentSha256;
    const other = { method: 'POST', path: '/v1/upload/commit', headers: heard };
    expect(await exchange(gate.origin, other, Buffer.alloc(0))).toMatchObject({ status: 401 });
    const changed = { ...heard, 'x-content-sha256': sha256('two') };
    const put = { method: 'PUT', path: '/v1/upload/1', headers: changed };
    expect(await exchange(gate.origin, put, Buffer.from('two'))).toMatchObject({ status: 401 });
  });
});
