import { createHash } from 'node:crypto';

/** A content, and what it was said to be. */
export interface SaidContent {
  readonly bytes: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
  readonly content: AsyncIterable<Uint8Array>;
}

/** The content of a file was not what was said of it: it changed while it was read. */
export class ContentChanged extends Error {
  override readonly name = 'ContentChanged';
  constructor(said: number, read: number) {
    const what = said === read ? 'another content' : `${String(read)} or more`;
    super(`The file was said to have ${String(said)} bytes and has ${what}.`);
  }
}

/**
 * Gives a content on, and throws `ContentChanged` if it is not what was said.
 * The last piece is held back until that is known: whoever takes it has either
 * all of the right content or less than all.
 */
export async function* verified({
  bytes,
  sha256,
  content,
}: SaidContent): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let read = 0;
  let last: Uint8Array | undefined;
  for await (const piece of content) {
    if (piece.length === 0) continue;
    read += piece.length;
    if (read > bytes) throw new ContentChanged(bytes, read);
    hash.update(piece);
    if (last) yield last;
    last = piece;
  }
  if (read !== bytes || hash.digest('hex') !== sha256) throw new ContentChanged(bytes, read);
  if (last) yield last;
}

/** The SHA-256 of a content. Throws `ContentChanged` if it is not as long as was said. */
export async function hashOf(content: AsyncIterable<Uint8Array>, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  let read = 0;
  for await (const piece of content) {
    read += piece.length;
    if (read > bytes) break;
    hash.update(piece);
  }
  if (read !== bytes) throw new ContentChanged(bytes, read);
  return hash.digest('hex');
}
