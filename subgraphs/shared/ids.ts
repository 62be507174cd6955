import { randomBytes } from 'node:crypto';

/** The kinds of things that have an id; the kind is the id's first word. */
export type IdKind =
  | 'account'
  | 'approval'
  | 'artifact'
  | 'attempt'
  | 'aud'
  | 'dispute'
  | 'inv'
  | 'job'
  | 'ltx'
  | 'meter'
  | 'msg'
  | 'op'
  | 'payment'
  | 'plan'
  | 'refund'
  | 'report'
  | 'run'
  | 'sub';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const timeLength = 10;
const randomLength = 16;

/**
 * Makes an id that no other process makes: `<kind>_` and a ULID in lower case.
 *
 * Ids of one kind sort by the millisecond in which they were made, and within
 * one process in the order in which they were made. They are names, not secrets:
 * 79 bits are random, but those of one millisecond count up by less than 65,537
 * at a time. Source: the ULID specification.
 */
export function newId(kind: IdKind, now: number = Date.now()): string {
  const timeMs = Math.max(now, last.timeMs);
  const random = timeMs === last.timeMs ? incremented(last.random) : freshRandom();
  last = { timeMs, random };
  return `${kind}_${encodeTime(timeMs)}${encodeRandom(random)}`;
}

/** Whether a text has the form of an id of this kind. It says nothing about whether the thing exists. */
export function isId(kind: IdKind, text: string): boolean {
  return text.startsWith(`${kind}_`) && ulidPattern.test(text.slice(kind.length + 1));
}

const ulidPattern = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** The last id of this process: the only state that sorting within a millisecond needs. */
let last = { timeMs: 0, random: 0n };

function freshRandom(): bigint {
  // One bit is left free, so that counting up never runs over.
  return BigInt(`0x${randomBytes((randomLength * 5) / 8).toString('hex')}`) >> 1n;
}

function incremented(random: bigint): bigint {
  return random + 1n + BigInt(randomBytes(2).readUInt16BE());
}

function encodeTime(timeMs: number): string {
  let text = '';
  for (let rest = timeMs; text.length < timeLength; rest = Math.floor(rest / 32)) {
    text = alphabet.charAt(rest % 32) + text;
  }
  return text;
}

function encodeRandom(random: bigint): string {
  let text = '';
  for (let rest = random; text.length < randomLength; rest >>= 5n) {
    text = alphabet.charAt(Number(rest & 31n)) + text;
  }
  return text;
}
