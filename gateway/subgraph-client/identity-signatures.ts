import { createHash } from 'node:crypto';
import { signIdentity } from '../../subgraphs/shared/auth.ts';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { Lru } from '../operations/lru.ts';

/** The keys that sign identities, as the kernel takes them. */
export type IdentityKeys = Parameters<typeof signIdentity>[0];

/** Says who is calling, for one operation of one subgraph. */
export type Sign = (identity: Identity, query: string) => string | Promise<string>;

/**
 * Signs who calls one subgraph, for this very operation.
 *
 * A signature is the same for the same caller and operation, so it is used
 * again for a third of its life: whoever checks it has the rest of the minute.
 */
export function identitySigner(
  keys: IdentityKeys,
  audience: string,
  now: () => number = Date.now,
): Sign {
  const hashes = new Lru<string>(hashesKept);
  const signatures = new Lru<Signature>(signaturesKept);
  const texts = new WeakMap<Identity, string>();

  const hashOf = (query: string): string =>
    hashes.get(query) ?? hashes.set(query, createHash('sha256').update(query).digest('base64url'));
  const textOf = (identity: Identity): string => {
    const known = texts.get(identity);
    if (known !== undefined) return known;
    const { tenant, actor, scopes, expiresAt } = identity;
    const text = JSON.stringify([tenant, actor.type, actor.id, scopes, expiresAt.getTime()]);
    texts.set(identity, text);
    return text;
  };

  /** What was found lately for one identity: making a key for all costs more than finding here. */
  const latest = new WeakMap<Identity, Map<string, Signature>>();
  const latestOf = (identity: Identity): Map<string, Signature> => {
    const known = latest.get(identity) ?? new Map<string, Signature>();
    latest.set(identity, known);
    if (known.size >= latestKept) known.clear();
    return known;
  };

  return (identity, query) => {
    const own = latestOf(identity);
    const near = own.get(query);
    if (near && near.goodUntil > now()) return near.text;
    const operationHash = hashOf(query);
    const key = operationHash + textOf(identity);
    const known = signatures.get(key);
    if (known && known.goodUntil > now()) {
      own.set(query, known);
      return known.text;
    }
    const goodUntil = now() + signatureReusedMs;
    return signIdentity(keys, identity, { audience, operationHash }).then((text) => {
      own.set(query, signatures.set(key, { text, goodUntil }));
      return text;
    });
  };
}

interface Signature {
  readonly text: string;
  readonly goodUntil: number;
}

const signatureReusedMs = 20_000;
const latestKept = 64;
const hashesKept = { entriesMax: 2_000, charactersMax: 4_000_000 };
const signaturesKept = { entriesMax: 20_000, charactersMax: 8_000_000 };
