import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { hkdfSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadKeys, readOrMake } from './keys.ts';

const rootSecret = Buffer.alloc(32, 7).toString('base64');
let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'forge-keys-'));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

describe('loadKeys', () => {
  it('gives the same keys for the same root secret, in every process', () => {
    const source = { rootSecret, production: true, dataDir };
    expect(loadKeys(source)).toEqual(loadKeys(source));
    const other = { ...source, rootSecret: Buffer.alloc(32, 8).toString('base64') };
    expect(loadKeys(other).identity).not.toEqual(loadKeys(source).identity);
  });

  it('gives a key of its own for each use, and never the root secret', () => {
    const keys = Object.values(loadKeys({ rootSecret, production: true, dataDir }));
    const texts = keys.map((key: Uint8Array) => Buffer.from(key).toString('base64'));
    expect(texts).toHaveLength(5);
    expect(new Set([...texts, rootSecret]).size).toBe(6);
    expect(keys.every((key: Uint8Array) => key.length === 32)).toBe(true);
  });

  it('derives keys by HKDF, so that a release does not change what was signed', () => {
    const { cursor } = loadKeys({ rootSecret, production: true, dataDir });
    const root = Buffer.from(rootSecret, 'base64');
    expect(cursor).toEqual(new Uint8Array(hkdfSync('sha256', root, 'forge', 'cursor', 32)));
  });

  it('makes no root secret in production', () => {
    expect(() => loadKeys({ rootSecret: undefined, production: true, dataDir })).toThrow(
      'FORGE_ROOT_SECRET is needed in production',
    );
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it('refuses a root secret of less than 32 bytes, given or found in the folder', () => {
    const short = randomBytes(31).toString('base64');
    expect(() => loadKeys({ rootSecret: short, production: false, dataDir })).toThrow('32 bytes');
    writeFileSync(join(dataDir, 'root-secret'), short);
    expect(() => loadKeys({ rootSecret: undefined, production: false, dataDir })).toThrow(
      '32 bytes',
    );
  });

  it('makes a development secret once, and finds it again', () => {
    const source = { rootSecret: undefined, production: false, dataDir: join(dataDir, 'a', 'b') };
    expect(loadKeys(source)).toEqual(loadKeys(source));
    expect(readdirSync(source.dataDir)).toEqual(['root-secret']);
  });
});

describe('readOrMake', () => {
  it('makes a file that only its owner can read', () => {
    const path = join(dataDir, 'secret');
    const before = process.umask(0);
    readOrMake(path, () => 'content');
    process.umask(before);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('leaves what is there as it is', () => {
    const path = join(dataDir, 'secret');
    writeFileSync(path, 'first');
    expect(readOrMake(path, () => 'second')).toBe('first');
    expect(readFileSync(path, 'utf8')).toBe('first');
  });

  it('gives what another process made in the meantime, and leaves no part of its own', () => {
    const path = join(dataDir, 'secret');
    const told = readOrMake(path, () => {
      writeFileSync(path, 'theirs');
      return 'ours';
    });
    expect(told).toBe('theirs');
    expect(readdirSync(dataDir)).toEqual(['secret']);
  });

  it('leaves nothing behind when the content cannot be made', () => {
    const path = join(dataDir, 'secret');
    const making = (): string =>
      readOrMake(path, () => {
        throw new Error('no entropy');
      });
    expect(making).toThrow('no entropy');
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it('says so when the folder cannot be used', () => {
    writeFileSync(join(dataDir, 'file'), '');
    expect(() => readOrMake(join(dataDir, 'file', 'secret'), () => 'x')).toThrow('ENOTDIR');
  });

  it('gives processes that start at once one and the same content', async () => {
    const path = join(dataDir, 'secret');
    // All of them wait for the same moment, which is when a race would show.
    const program = `
      const { readOrMake } = await import(${JSON.stringify(join(import.meta.dirname, 'keys.ts'))});
      const at = Number(process.argv[1]);
      while (Date.now() < at);
      process.stdout.write(readOrMake(${JSON.stringify(path)}, () => String(process.pid).repeat(9_999)));`;
    const run = promisify(execFile);
    const at = String(Date.now() + 600);
    const args = ['--input-type=module', '-e', program, at];
    const told = await Promise.all([1, 2, 3].map(() => run(process.execPath, args)));
    expect(new Set(told.map(({ stdout }) => stdout)).size).toBe(1);
    expect(told[0]?.stdout).toBe(readFileSync(path, 'utf8'));
    expect(told[0]?.stdout).toMatch(/^\d{9999,}$/);
    expect(readdirSync(dataDir)).toEqual(['secret']);
  });
});
