import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openLink, sealLink } from './artifact-link.ts';
import { isSafePath, safeMediaType } from './artifact.ts';

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
  ])('may not be %j', (path) => {
    expect(isSafePath(path)).toBe(false);
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
