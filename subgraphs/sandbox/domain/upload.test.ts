import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fileLine, refusedLine } from '../fixtures/upload-client.ts';
import { artifactLimits, isSafePath, nameKey } from './artifact.ts';
import { judgeManifest } from './upload-manifest.ts';
import { openUpload, sealUpload, signUpload } from './upload-token.ts';

const key = new Uint8Array(32).fill(1);
const now = new Date('2026-05-05T10:00:00Z');
const expiresAt = new Date(now.getTime() + 1);
const request = { method: 'PUT', path: '/v1/upload/1', contentSha256: '00' };

function opened(token: string, asked = request, at = now, by = key) {
  const [claims = '', secret = ''] = token.split(/[.](?=[^.]*$)/);
  return openUpload(by, { claims, signature: signUpload(secret, request) }, asked, at);
}

describe('an upload token', () => {
  it('grants what it was made for, whatever tenants and jobs are called, until it expires', () => {
    const text = fc.string({ unit: 'binary' }).filter((one) => one.isWellFormed());
    fc.assert(
      fc.property(text, text, fc.nat(), fc.nat(), (tenant, jobId, attempt, bytesMax) => {
        const grant = { tenant, jobId, attempt, expiresAt, bytesMax, filesMax: 3 };
        const token = sealUpload(key, grant);
        expect(opened(token)).toEqual({ kind: 'granted', grant });
        expect(opened(token, request, expiresAt)).toEqual({ kind: 'expired' });
      }),
    );
  });

  it('is nothing once anything of it, of the request or of the key is another', () => {
    const grant = { tenant: 'a', jobId: 'b', attempt: 1, expiresAt, bytesMax: 1, filesMax: 1 };
    const token = sealUpload(key, grant);
    for (let at = 0; at < token.length; at += 1) {
      const other = token.charAt(at) === '0' ? '1' : '0';
      expect(opened(token.slice(0, at) + other + token.slice(at + 1)).kind).toBe('invalid');
    }
    for (const change of [{ method: 'POST' }, { path: '/v1/upload/2' }, { contentSha256: '01' }]) {
      expect(opened(token, { ...request, ...change }).kind).toBe('invalid');
    }
    expect(opened(token, request, now, new Uint8Array(32)).kind).toBe('invalid');
  });
});

describe('a manifest', () => {
  const budget = { bytesMax: 1_000, filesMax: 5 };
  const path = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc
      .array(fc.constantFrom('a', 'A', '.', '..', '', 'b'), { minLength: 1 })
      .map((one) => one.join('/')),
  );

  it('keeps within every limit, whatever is in it, and every path it keeps is safe and of one name', () => {
    const line = fc
      .tuple(
        path.filter((one) => one !== ''),
        fc.nat(600),
      )
      .map(([one, bytes]) => fileLine(one, 'x', bytes));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const judged = judgeManifest(lines.join(''), budget) ?? [];
        const files = judged.flatMap((entry) => (entry.kind === 'file' ? [entry] : []));
        expect(judged).toHaveLength(lines.length);
        expect(files.length).toBeLessThanOrEqual(budget.filesMax);
        expect(files.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(1_000);
        expect(files.every((file) => isSafePath(file.path))).toBe(true);
        expect(new Set(files.map((file) => nameKey(file.path))).size).toBe(files.length);
      }),
    );
  });

  it('gives back any path that is kept as it was', () => {
    fc.assert(
      fc.property(path, (one) => {
        fc.pre(isSafePath(one) && one.split('/').length <= artifactLimits.depthMax);
        expect(judgeManifest(fileLine(one, 'x'), budget)).toMatchObject([
          { kind: 'file', path: one },
        ]);
      }),
    );
  });

  it('is judged or is none, never an error, whatever was sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        judgeManifest(text, budget);
        judgeManifest(`${text}\n`, budget);
      }),
    );
  });

  it('tells what it refuses in a way that can be shown', () => {
    const text = refusedLine('HARD_LINK', Buffer.from('a\0\u202e\xff\nb', 'latin1'));
    const [entry] = judgeManifest(text, budget) ?? [];
    expect(entry?.path).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
  });
});
