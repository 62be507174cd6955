import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { fileLine, refusedLine, sha256 } from '../../fixtures/upload-client.ts';
import { signUpload } from '../../domain/upload-token.ts';
import type { GateUnderTest } from './fixtures/gate-under-test.ts';
import { openGate } from './fixtures/gate-under-test.ts';

let gate: GateUnderTest;
beforeAll(async () => {
  gate = await openGate();
});
afterAll(() => gate.close());
afterEach(() => gate.reset());

describe('fault 35, a manifest whose paths lead astray:', () => {
  it('nothing of it is outside of the job, and each refused entry is told', async () => {
    const { ref, client } = await gate.running();
    const bad = ['../up', '/etc/passwd', 'a/../../b', 'a\\b', 'nul\0', 'line\nfeed', './x', 'a//b'];
    const looks = ['\uff0e\uff0e/x', 'a\u202eb'];
    const good = ['Report.txt', 'deep/er/file'];
    const clash = ['report.TXT', 'Report.txt', 'dee\u200bp/er/file'];
    const manifest =
      [...good, ...bad, ...looks, ...clash].map((path) => fileLine(path, 'x')).join('') +
      fileLine(Buffer.from([0x61, 0xff]), 'x') +
      fileLine(Array(17).fill('d').join('/'), 'x') +
      fileLine('x'.repeat(1_025), 'x') +
      ['NOT_A_REGULAR_FILE', 'HARD_LINK', 'UNREADABLE']
        .map((why) => refusedLine(why, why))
        .join('');
    const { lines } = await client.begin(manifest);
    expect(lines.filter((line) => line.startsWith('wanted'))).toEqual(['wanted 1', 'wanted 2']);
    expect(await client.put(3, 'x')).toEqual({ status: 422, lines: ['REFUSED'] });
    for (const n of [1, 2]) await client.put(n, 'x');
    await client.commit();
    const { files, refused } = await gate.taken(ref);
    expect(files).toEqual(good);
    expect(refused).toHaveLength(19);
    expect(refused).toEqual(expect.arrayContaining(['report.TXT: NAME_CLASH']));
    expect(refused.filter((one) => one.endsWith('UNSAFE_PATH'))).toHaveLength(12);
    const stored = await gate.stored();
    expect(stored.every((path) => /^[0-9a-f]{24}(\/job_\w+(\/artifact_\w+)?)?$/.test(path))).toBe(
      true,
    );
  });

  it.each([
    ['no line feed', 'file 1 x'],
    ['an unknown line', 'link 1 a\n'],
    ['an unknown reason', 'refused BECAUSE a\n'],
    ['no hash', 'file 1 a a\n'],
    ['a size of no number', `file -1 ${'0'.repeat(64)} a\n`],
    ['a path that is not encoded', `file 1 ${'0'.repeat(64)} a b\n`],
    ['no path', `file 1 ${'0'.repeat(64)} \n`],
    ['more lines than there may be', 'unseen 1\n'.repeat(4_098)],
  ])('%s is no manifest', async (_what, manifest) => {
    const { client } = await gate.running();
    expect(await client.begin(manifest)).toEqual({ status: 400, lines: ['NO_MANIFEST'] });
  });
});

describe('fault 36, more than there may be:', () => {
  it('4 GiB of holes are refused before a byte of them is sent', async () => {
    const { ref, client } = await gate.running();
    const manifest = fileLine('sparse', 'x', 4 * 2 ** 30) + fileLine('small', 'x');
    expect((await client.begin(manifest)).lines).toEqual(['OPEN', 'refused 1', 'wanted 2']);
    await client.put(2, 'x');
    await client.commit();
    expect(await gate.taken(ref)).toMatchObject({
      files: ['small'],
      refused: ['sparse: TOO_LARGE'],
    });
  });

  it('all together count, as the token says', async () => {
    const { client } = await gate.running({ bytesMax: 10, filesMax: 2 });
    const paths = ['a', 'b', 'c', 'd'].map((path, n) =>
      fileLine(path, 'x'.repeat(n === 0 ? 11 : 4)),
    );
    expect((await client.begin(paths.join(''))).lines).toEqual([
      'OPEN',
      'refused 1',
      'wanted 2',
      'wanted 3',
      'refused 4',
    ]);
  });

  it('a million files are counted, and no more is told than may be', async () => {
    const { ref, client } = await gate.running();
    const many = Array.from({ length: 4_096 }, (_none, n) => fileLine(`f${String(n)}`, ''));
    const { lines } = await client.begin(`${many.join('')}unseen 995904\n`);
    const of = (word: string): number => lines.filter((line) => line.startsWith(word)).length;
    expect([of('wanted'), of('refused')]).toEqual([256, 257]);
    for (let n = 1; n <= 256; n += 1) await client.put(n, '');
    await client.commit();
    const { files, refused } = await gate.taken(ref);
    expect([files.length, refused.length]).toEqual([256, 257]);
    const events = await gate.sandbox.events(ref.jobId);
    const told = events.find(({ payload }) => payload['path'] === '');
    expect(told?.payload['message']).toContain(String(1_000_000 - 256 - 256));
  });

  it('an archive is one file, whatever is in it', async () => {
    const { ref, client } = await gate.running();
    const bomb = Buffer.from('1f8b0800000000000003', 'hex');
    await client.begin(fileLine('bomb.tar.gz', bomb));
    await client.put(1, bomb);
    await client.commit();
    expect(await gate.taken(ref)).toMatchObject({ files: ['bomb.tar.gz'] });
  });

  it('a body without its length, or longer than a manifest can be, is not read', async () => {
    const { client } = await gate.running();
    const begin = { method: 'POST', path: '/v1/upload' };
    const chunked = { 'transfer-encoding': 'chunked' };
    expect(await client.ask({ ...begin, headers: chunked })).toMatchObject({ status: 411 });
    const endless = { 'content-length': String(2 ** 40) };
    expect(await client.ask({ ...begin, headers: endless })).toMatchObject({ status: 413 });
  });

  it('one content is not sent for ever', async () => {
    const { ref, client } = await gate.running();
    await client.begin(fileLine('a', 'x'));
    await gate.sandbox.rows(
      'acme',
      'update artifact_upload_entry set tries = 50 where job_id = $1',
      [ref.jobId],
    );
    expect(await client.put(1, 'x')).toEqual({ status: 429, lines: ['TOO_MANY_TRIES'] });
  });
});

describe('fault 37, what changes or breaks on the way:', () => {
  it('another content than was said is refused for good, and the rest is kept', async () => {
    const { ref, client } = await gate.running();
    await client.begin(fileLine('moving', 'before') + fileLine('still', 'still'));
    expect(await client.put(1, 'after!')).toEqual({ status: 422, lines: ['CHANGED'] });
    expect(await client.put(1, 'before')).toEqual({ status: 422, lines: ['REFUSED'] });
    await client.put(2, 'still');
    await client.commit();
    expect(await gate.taken(ref)).toMatchObject({ files: ['still'], refused: ['moving: CHANGED'] });
  });

  it('a body that is not what its header says is refused, too', async () => {
    const { ref, client } = await gate.running();
    await client.begin(fileLine('a', 'before'));
    const lying = { method: 'PUT', path: '/v1/upload/1', sha256: sha256('before') };
    expect(await client.ask({ ...lying, body: Buffer.from('after!') })).toMatchObject({
      status: 422,
    });
    await client.commit();
    expect(await gate.taken(ref)).toMatchObject({ files: [], refused: ['a: CHANGED'] });
  });

  it('a collector that is killed in the middle leaves nothing that is seen', async () => {
    const { ref, client, token } = await gate.running();
    const content = Buffer.alloc(1_000_000, 1);
    await client.begin(fileLine('a', content));
    await brokenOff(token, content);
    expect(await client.commit()).toEqual({ status: 409, lines: ['INCOMPLETE'] });
    expect(await gate.taken(ref)).toEqual({ outcome: 'waiting', files: [], refused: [] });
    expect((await gate.stored()).filter((path) => path.includes(`${ref.jobId}/`))).toEqual([]);
    // It comes again: that file is taken anew.
    expect(await client.put(1, content)).toMatchObject({ status: 200 });
    expect(await client.commit()).toMatchObject({ status: 200 });
    expect(await gate.taken(ref)).toMatchObject({ files: ['a'] });
  });
});

describe('fault 46, what keeps it is away:', () => {
  it('the storage: the collector is asked to come again, and then all is there', async () => {
    const { ref, client } = await gate.running();
    await client.begin(fileLine('a', 'one'));
    gate.trouble.storage = true;
    expect(await client.put(1, 'one')).toEqual({ status: 503, lines: ['ASK_AGAIN'] });
    gate.trouble.storage = false;
    expect(await client.put(1, 'one')).toMatchObject({ status: 200 });
    await client.commit();
    expect(await gate.taken(ref)).toMatchObject({ files: ['a'] });
  });

  it('Postgres: the same', async () => {
    const { client } = await gate.running();
    await gate.sandbox.db.owner.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'forge sandbox' and datname = current_database()`,
    );
    for (let tries = 0; tries < 20; tries += 1) {
      const { status } = await client.begin('');
      if (status === 200) return;
      expect(status).toBe(503);
    }
    throw new Error('never taken');
  });
});

/** Sends half of a content, and is gone. */
async function brokenOff(token: string, content: Buffer): Promise<void> {
  const [claims, secret] = [token.replace(/[.][^.]*$/, ''), token.split('.').at(-1) ?? ''];
  const request = { method: 'PUT', path: '/v1/upload/1', contentSha256: sha256(content) };
  const socket = connect(gate.port, '127.0.0.1');
  const head = [
    'PUT /v1/upload/1 HTTP/1.1',
    'host: gate',
    `authorization: Forge-Upload ${claims} ${signUpload(secret, request)}`,
    `x-content-sha256: ${request.contentSha256}`,
    `content-length: ${String(content.length)}`,
    '',
    '',
  ];
  socket.write(head.join('\r\n'));
  await new Promise((resolve) => socket.write(content.subarray(0, 500_000), resolve));
  // It is there, in part, and then it is not.
  while (!(await gate.stored()).some((one) => one.endsWith('.partial'))) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  socket.destroy();
  while ((await gate.stored()).some((one) => one.endsWith('.partial'))) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
