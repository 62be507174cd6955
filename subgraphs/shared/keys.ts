import { hkdfSync, randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ForgeError } from './errors.ts';

/** The keys of the platform, each for one use. All of them come from one root secret. */
export interface Keys {
  /** Signs who calls, from the gateway to subgraphs. */
  readonly identity: Uint8Array;
  /** Vouches for the platform's own actors, at the gateway. */
  readonly platform: Uint8Array;
  /** Signs cursors. */
  readonly cursor: Uint8Array;
  /** Signs links under which files are fetched. */
  readonly link: Uint8Array;
  /** Signs what a program's collector may upload. */
  readonly upload: Uint8Array;
}

export interface KeySource {
  /** Base64 of at least 32 bytes; undefined makes one in the data folder. */
  readonly rootSecret: string | undefined;
  readonly production: boolean;
  readonly dataDir: string;
}

const rootSecretBytes = 32;

/**
 * Gives the platform's keys. Without a root secret a development one is made in
 * the data folder, once, readable by its owner only; in production there is no
 * such thing. Two processes that start at once end up with the same one.
 */
export function loadKeys({ rootSecret, production, dataDir }: KeySource): Keys {
  if (rootSecret === undefined && production) {
    throw new ForgeError('INTERNAL', 'FORGE_ROOT_SECRET is needed in production.');
  }
  const root = Buffer.from(rootSecret ?? developmentSecret(dataDir), 'base64');
  if (root.length < rootSecretBytes) {
    throw new ForgeError('INTERNAL', 'The root secret must have at least 32 bytes.');
  }
  // HKDF with SHA-256 (RFC 5869): one key does not tell another.
  const derived = (use: string): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', root, 'forge', use, 32));
  return {
    identity: derived('subgraph identity'),
    platform: derived('platform actor'),
    cursor: derived('cursor'),
    link: derived('link'),
    upload: derived('upload'),
  };
}

function developmentSecret(dataDir: string): string {
  const path = join(dataDir, 'root-secret');
  return readOrMake(path, () => randomBytes(rootSecretBytes).toString('base64'));
}

/**
 * Reads a small private file, or makes it with its content. Whoever makes it
 * first wins, and nobody sees half of it.
 */
export function readOrMake(path: string, content: () => string): string {
  const known = readIfThere(path);
  if (known !== undefined) return known;
  const text = content();
  mkdirSync(join(path, '..'), { recursive: true });
  const partial = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    writeWhole(partial, text);
    linkSync(partial, path);
  } catch (cause) {
    if (!isCode(cause, 'EEXIST')) throw cause;
  } finally {
    rmSync(partial, { force: true });
  }
  return readFileSync(path, 'utf8');
}

function writeWhole(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return undefined;
    throw cause;
  }
}

function isCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
