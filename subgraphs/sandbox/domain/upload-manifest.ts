import { artifactLimits, refusalMessage, refusalMessages, refusalOfName } from './artifact.ts';
import type { RefusalWhy } from './artifact.ts';

/** An entry of a manifest, as it is judged. */
export type JudgedEntry = {
  /** The number of its line, from 1. */
  readonly n: number;
} & (
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly bytes: number;
      readonly sha256: string;
    }
  | {
      readonly kind: 'refused';
      /** Without one it stands for all that are not told one by one. */
      readonly path: string;
      readonly why: RefusalWhy;
      readonly message: string;
    }
);

export interface Budget {
  readonly bytesMax: number;
  readonly filesMax: number;
}

/** The longest manifest there can be: every entry with the longest path, three characters a byte. */
export const manifestBytesMax = artifactLimits.entriesMax * (3 * artifactLimits.pathBytesMax + 128);

/**
 * Reads what a program left, as its collector tells it, a line for each entry:
 *
 *     file <bytes> <sha256> <path>
 *     refused <why> <path>
 *     unseen <count>
 *
 * Paths are percent-encoded bytes. Every entry is judged here, whatever the
 * collector thinks of it, in the order in which they are told: the first of a
 * name, and what fits, is kept. Undefined: it is no manifest.
 */
export function judgeManifest(text: string, budget: Budget): JudgedEntry[] | undefined {
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.length > artifactLimits.entriesMax + 1) return undefined;
  const left = { bytes: budget.bytesMax, files: budget.filesMax, names: new Set<string>() };
  const judged: JudgedEntry[] = [];
  const refusals = { told: 0, untold: 0 };
  for (const [index, line] of lines.entries()) {
    const n = index + 1;
    const [, unseen] = /^unseen ([0-9]{1,9})$/.exec(line) ?? [];
    if (unseen !== undefined) {
      refusals.untold += Number(unseen);
      continue;
    }
    const entry = judgeLine(n, line, left);
    if (!entry) return undefined;
    if (entry.kind === 'refused' && ++refusals.told > artifactLimits.refusalsMax) {
      refusals.untold += 1;
    } else judged.push(entry);
  }
  if (refusals.untold > 0)
    judged.push(refused(lines.length + 1, 'TOO_MANY_FILES', '', refusals.untold));
  return judged;
}

interface Left {
  bytes: number;
  files: number;
  readonly names: Set<string>;
}

function judgeLine(n: number, line: string, left: Left): JudgedEntry | undefined {
  const file = /^file ([0-9]{1,15}) ([0-9a-f]{64}) (\S+)$/.exec(line);
  const other = /^refused ([A-Z_]+) (\S+)$/.exec(line);
  const path = pathOf(file?.[3] ?? other?.[2] ?? '');
  if (path === undefined) return undefined;
  if (other) {
    const why = other[1] ?? '';
    return isWhy(why) ? refused(n, why, shown(path.bytes)) : undefined;
  }
  const [, size = '', sha256 = ''] = file ?? [];
  const bytes = Number(size);
  const why = path.text === undefined ? 'UNSAFE_PATH' : refusalOf(path.text, bytes, left);
  if (path.text === undefined || why) return refused(n, why ?? 'UNSAFE_PATH', shown(path.bytes));
  left.bytes -= bytes;
  left.files -= 1;
  return { n, kind: 'file', path: path.text, bytes, sha256 };
}

function refusalOf(path: string, bytes: number, { names, ...left }: Left): RefusalWhy | undefined {
  if (path.split('/').length > artifactLimits.depthMax) return 'TOO_DEEP';
  const why = refusalOfName(path, names);
  if (why) return why;
  if (left.files === 0) return 'TOO_MANY_FILES';
  return bytes > left.bytes ? 'TOO_LARGE' : undefined;
}

function refused(n: number, why: RefusalWhy, path: string, count = 1): JudgedEntry {
  return { n, kind: 'refused', path, why, message: refusalMessage(why, path, count) };
}

function isWhy(text: string): text is RefusalWhy {
  return Object.hasOwn(refusalMessages, text);
}

interface Path {
  readonly bytes: Buffer;
  /** Undefined if it is no text. */
  readonly text: string | undefined;
}

function pathOf(encoded: string): Path | undefined {
  if (!/^(?:[\w./~-]|%[0-9A-F]{2})+$/.test(encoded)) return undefined;
  const pairs = encoded.replaceAll(
    /%(..)|(.)/g,
    (_all, hex: string | undefined, letter: string) => hex ?? letter.charCodeAt(0).toString(16),
  );
  const bytes = Buffer.from(pairs, 'hex');
  try {
    return {
      bytes,
      text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
    };
  } catch {
    return { bytes, text: undefined };
  }
}

/** A path as far as it can be told. */
function shown(bytes: Buffer): string {
  const text = bytes.subarray(0, artifactLimits.pathBytesMax).toString('utf8');
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '\ufffd');
}
