import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openLink, sealLink } from './artifact-link.ts';
import { isSafePath, nameKey, refusalOfName, safeMediaType, storageKey } from './artifact.ts';

describe('the path of an artifact', () => {
  it.each(['report.txt', 'a/b/c.csv', 'ünïcode/ñ.txt', '..hidden', 'a b'])('may be %s', (path) => {
    expect(isSafePath(path)).toBe(true);
  });

  it.each([
    '',
    '/etc/passwd',
    '../x',
    'a/../b',
    'a//b',
    'a/',
    './a',
    'a\u0000',
    'a\nb',
    'a\\b',
    '\ud800',
    'x'.repeat(1_025),
    // Become a separator or a step up once somebody normalises them.
    '\uff0fetc\uff0fpasswd',
    '\uff0e\uff0e/etc',
    'a/\u2025/b',
    '\u2024',
    'a\uff3cb',
    // Show another name than they are.
    'invoice\u202efdp.exe',
    'a\u2066b',
    'a\u2028b',
  ])('may not be %j', (path) => {
    expect(isSafePath(path)).toBe(false);
  });
});

describe('the names of artifacts', () => {
  it.each([
    ['Report.txt', 'report.TXT'],
    ['stra\u00dfe', 'STRASSE'],
    ['\u00e9.txt', 'e\u0301.txt'],
    ['\uff41.txt', 'a.txt'],
    ['\ufb01le', 'file'],
    ['pass\u200bword', 'password'],
    ['\u03c3', '\u03c2'],
    ['\u212aelvin', 'kelvin'],
  ])('%j and %j are one name: the first stays', (first, second) => {
    const before = new Set<string>();
    expect(refusalOfName(first, before)).toBeUndefined();
    expect(refusalOfName(second, before)).toBe('NAME_CLASH');
    expect(refusalOfName(first, before)).toBe('NAME_CLASH');
  });

  it('are told apart by what people see', () => {
    const names = ['a', 'b', 'a/b', 'a.b', '\u0430', '1', 'I', '\u0131\u0307x'];
    expect(new Set(names.map(nameKey)).size).toBe(names.length);
  });

  it('count once, however often they are folded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (path) => {
        fc.pre(path.isWellFormed());
        expect(nameKey(nameKey(path))).toBe(nameKey(path));
        expect(nameKey(path.normalize('NFD'))).toBe(nameKey(path));
        expect(nameKey(path.toUpperCase())).toBe(nameKey(path));
      }),
    );
  });
});

describe('where a content lies', () => {
  it('is below its tenant and its job, whatever they are called', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (tenant, jobId) => {
        expect(storageKey(tenant, jobId, 'artifact_1')).toMatch(
          /^[0-9a-f]{24}\/[\w-]*\/artifact_1$/,
        );
      }),
    );
    expect(storageKey('a', 'job_1', 'x').split('/')[0]).not.toBe(
      storageKey('b', 'job_1', 'x').split('/')[0],
    );
  });
});

describe('the media type of an artifact', () => {
  it('cannot carry anything else into a header', () => {
    expect(safeMediaType('text/HTML')).toBe('text/html');
    for (const odd of ['', 'text', 'text/html; charset=x', 'a/b\r\nset-cookie: x', 'a/b/c']) {
      expect(safeMediaType(odd)).toBe('application/octet-stream');
    }
  });
});

describe('a link to an artifact', () => {
  const key = new Uint8Array(32).fill(1);
  const now = new Date('2026-05-05T10:00:00Z');
  const link = { tenant: 'acme', artifactId: 'artifact_1', expiresAt: new Date(now.getTime() + 1) };
  const sealed = sealLink(key, link);

  it('gives what it was made of until it expires', () => {
    expect(openLink(key, sealed, now)).toEqual({ kind: 'valid', link });
    expect(openLink(key, sealed, link.expiresAt)).toEqual({ kind: 'expired' });
  });

  it('is nothing once a single character is another', () => {
    fc.assert(
      fc.property(
        fc.nat(sealed.length - 1),
        fc.string({ minLength: 1, maxLength: 1 }),
        (at, other) => {
          fc.pre(sealed.charAt(at) !== other);
          const changed = sealed.slice(0, at) + other + sealed.slice(at + 1);
          expect(openLink(key, changed, now)).toEqual({ kind: 'invalid' });
        },
      ),
    );
  });

  it.each(['', 'a', '...', 'a.b.c', `${sealed}.x`])('is nothing when it is %j', (text) => {
    expect(openLink(key, text, now)).toEqual({ kind: 'invalid' });
  });

  it('is nothing under another key', () => {
    expect(openLink(new Uint8Array(32).fill(2), sealed, now)).toEqual({ kind: 'invalid' });
  });
});
