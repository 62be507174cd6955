import { createHash } from 'node:crypto';
import type { AuditFact } from './audit-entry.ts';
import { entryText } from './audit-entry.ts';

/** What the chain of an empty log ends in: the root of an empty tree (RFC 6962). */
export const emptyHead: Buffer = createHash('sha256').digest();

/**
 * The hash of an entry's bytes, marked as a leaf (RFC 6962), so that the same
 * hashes can later carry a tree.
 */
export function leafHash(text: string): Buffer {
  return createHash('sha256').update(leafMark).update(text).digest();
}

/** The head after an entry: it stands for that entry and for all before it. */
export function nextHead(head: Buffer, leaf: Buffer): Buffer {
  return createHash('sha256').update(nodeMark).update(head).update(leaf).digest();
}

/** An entry as it is on record: its bytes, its hashes, and the columns it is found by. */
export interface RecordedEntry {
  readonly sequence: number;
  readonly text: string;
  readonly leaf: Buffer;
  readonly head: Buffer;
  readonly columns: Omit<AuditFact, 'facts'>;
}

export type ChainCheck =
  | { readonly intact: true; readonly head: Buffer }
  | { readonly intact: false; readonly firstBadSequence: number };

/** A place in the log: the entry it follows, and the head there. */
export interface ChainPlace {
  readonly sequence: number;
  readonly head: Buffer;
}

/**
 * Checks entries that follow a place in the log, and names the first that is
 * not what was recorded: changed, moved, left out, or found under another name
 * than its own bytes say. They must reach `end`, and there its head if known.
 */
export function checkChain(
  start: ChainPlace,
  entries: readonly RecordedEntry[],
  end: { readonly sequence: number; readonly head: Buffer | undefined },
): ChainCheck {
  let { sequence, head } = start;
  for (const entry of entries) {
    sequence += 1;
    const leaf = leafHash(entry.text);
    head = nextHead(head, leaf);
    const intact =
      entry.sequence === sequence &&
      entry.leaf.equals(leaf) &&
      entry.head.equals(head) &&
      columnsMatch(entry);
    if (!intact) return { intact: false, firstBadSequence: sequence };
  }
  if (sequence < end.sequence) return { intact: false, firstBadSequence: sequence + 1 };
  if (end.head && !end.head.equals(head)) return { intact: false, firstBadSequence: sequence };
  return { intact: true, head };
}

function columnsMatch({ text, columns }: RecordedEntry): boolean {
  const facts = factsOf(text);
  return facts !== undefined && entryText({ ...columns, facts }) === text;
}

/** The facts an entry's bytes carry; undefined when they are not an entry at all. */
export function factsOf(text: string): AuditFact['facts'] | undefined {
  try {
    const { facts }: { facts?: AuditFact['facts'] } = JSON.parse(text) as object;
    return facts;
  } catch {
    return undefined;
  }
}

const leafMark = Buffer.from([0]);
const nodeMark = Buffer.from([1]);
