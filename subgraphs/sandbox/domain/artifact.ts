import { createHash } from 'node:crypto';

/** What a job leaves is kept for as long as what happened in it. */
export const keptDays = 30;

/** What is kept of one attempt, at most. A file may be as large as all of them together. */
export const artifactLimits = {
  filesMax: 256,
  bytesMax: 64 * 1_024 * 1_024,
  pathBytesMax: 1_024,
  depthMax: 16,
  /** Entries that are looked at, kept or not. What is beyond is told as one refusal. */
  entriesMax: 4_096,
  /** Refusals that are told. The last one counts the rest. */
  refusalsMax: 256,
} as const;

/** Why something that a program left is not kept. The words are stored: never change their meaning. */
export const refusalMessages = {
  NOT_A_REGULAR_FILE: 'Only regular files are kept.',
  HARD_LINK: 'A file with a second name is not kept. Copy it instead.',
  UNSAFE_PATH: `A path must be UTF-8 of at most ${String(artifactLimits.pathBytesMax)} bytes without control characters and backslashes, and lead nowhere but down.`,
  NAME_CLASH: 'Another file has this name already, but for letters that look the same.',
  TOO_DEEP: `Folders are kept ${String(artifactLimits.depthMax)} deep.`,
  TOO_MANY_FILES: `At most ${String(artifactLimits.filesMax)} files are kept.`,
  TOO_LARGE: `At most ${String(artifactLimits.bytesMax)} bytes are kept of a job; this file does not fit in.`,
  CHANGED: 'The file changed while it was collected.',
  UNREADABLE: 'The file cannot be read.',
} as const;

export type RefusalWhy = keyof typeof refusalMessages;

/** What is said of an entry without a path: it stands for all that are not told one by one. */
export function refusalMessage(why: RefusalWhy, path: string, count: number): string {
  const message = refusalMessages[why];
  return path === '' ? `${String(count)} more entries were not kept. ${message}` : message;
}

/**
 * Whether a path may name an artifact: relative, with `/`, going nowhere but
 * down, and showing what it is: no control characters, none that turn the
 * direction of writing, none that become a separator or a step up where somebody
 * normalises names (UAX #15). Runners see to some of it as well; what is
 * downloaded is checked twice.
 */
export function isSafePath(path: string): boolean {
  return (
    path.isWellFormed() &&
    Buffer.byteLength(path) <= artifactLimits.pathBytesMax &&
    !/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(path) &&
    isPlain(path) &&
    isPlain(path.normalize('NFKC'))
  );
}

function isPlain(path: string): boolean {
  const names = path.split('/');
  return !path.includes('\\') && names.every((name) => name !== '' && !/^\.{1,2}$/.test(name));
}

/**
 * What of a path counts when two are compared: paths of the same key are one
 * file on a machine that folds case or normalises names, and look the same to a
 * person. Source: UAX #15 (NFKC), Unicode 5.18 (case folding).
 */
export function nameKey(path: string): string {
  const plain = path.normalize('NFKC').replaceAll(/\p{Default_Ignorable_Code_Point}/gu, '');
  return plain.toUpperCase().toLowerCase().normalize('NFKC');
}

/**
 * Why a name is not kept beside those before it, or undefined if it is. Files
 * are judged in the order of their paths, so the same ones are kept each time.
 */
export function refusalOfName(path: string, before: Set<string>): RefusalWhy | undefined {
  if (!isSafePath(path)) return 'UNSAFE_PATH';
  const key = nameKey(path);
  if (before.has(key)) return 'NAME_CLASH';
  before.add(key);
  return undefined;
}

const mediaTypePattern = /^[a-z0-9][a-z0-9.+-]{0,63}\/[a-z0-9][a-z0-9.+-]{0,63}$/;

/** A media type that may stand in a header, or that of bytes of which nothing is known. */
export function safeMediaType(mediaType: string): string {
  const known = mediaType.toLowerCase();
  return mediaTypePattern.test(known) ? known : 'application/octet-stream';
}

/** Where the content of a file lies in the storage: each tenant and each job has a prefix of its own. */
export function storageKey(tenant: string, jobId: string, artifactId: string): string {
  const owner = createHash('sha256').update(tenant).digest('hex').slice(0, 24);
  return `${owner}/${jobId.replaceAll(/[^\w-]/g, '-')}/${artifactId}`;
}
