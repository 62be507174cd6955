import { createHash } from 'node:crypto';
import type { Json } from './canonical-json.ts';
import { canonicalJson } from './canonical-json.ts';

export const auditOutcomes = ['success', 'refused', 'failure'] as const;
export type AuditOutcome = (typeof auditOutcomes)[number];

/** Who did what to which thing, when, and how it ended. */
export interface AuditFact {
  readonly tenant: string;
  readonly id: string;
  readonly at: Date;
  readonly actor: { readonly type: string; readonly id: string };
  readonly action: string;
  readonly target: { readonly type: string; readonly id: string };
  readonly outcome: AuditOutcome;
  readonly facts: Json;
}

/** The most bytes an entry has, so that every log format can carry it (tlog-tiles counts in 16 bits). */
export const entryBytesMax = 65_535;

/**
 * Writes an entry as the bytes that are hashed, kept, and never written anew.
 *
 * Facts that do not fit are replaced by their size and digest: whoever has
 * them can still prove that they were meant.
 */
export function entryText(fact: AuditFact): string {
  const { tenant, id, actor, action, target, outcome, facts } = fact;
  const entry = { v: 1, tenant, id, at: fact.at.toISOString(), actor, action, target, outcome };
  const text = canonicalJson({ ...entry, facts });
  if (Buffer.byteLength(text) <= entryBytesMax) return text;

  const factsText = canonicalJson(facts);
  const sha256 = createHash('sha256').update(factsText).digest('hex');
  return canonicalJson({ ...entry, facts: { omitted: Buffer.byteLength(factsText), sha256 } });
}

/**
 * A name as it can be kept and looked up: whole characters that a database
 * can hold, at most so many. What somebody else chose to call a thing must not
 * be able to keep an entry out of the log.
 */
export function keptName(name: string): string {
  const characters = Array.from(Buffer.from(name).toString().replaceAll('\u0000', '\uFFFD'));
  if (characters.length <= nameCharactersMax) return characters.join('');
  return `${characters.slice(0, nameCharactersMax - 1).join('')}…`;
}

const nameCharactersMax = 500;
