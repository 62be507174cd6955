import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ChainCheck, RecordedEntry } from './audit-chain.ts';
import { checkChain, emptyHead, factsOf, leafHash, nextHead } from './audit-chain.ts';
import { entryText } from './audit-entry.ts';

const start = { sequence: 0, head: emptyHead };

function log(length: number): RecordedEntry[] {
  let head: Buffer = emptyHead;
  return Array.from({ length }, (_, index) => {
    const columns = {
      tenant: 'acme',
      id: `aud_${index}`,
      at: new Date(1_760_000_000_000 + index),
      actor: { type: 'user', id: 'alice' },
      action: 'job.submitted',
      target: { type: 'job', id: `job_${index % 3}` },
      outcome: 'success' as const,
    };
    const text = entryText({ ...columns, facts: { index } });
    const leaf = leafHash(text);
    head = nextHead(head, leaf);
    return { sequence: index + 1, text, leaf, head, columns };
  });
}

const whole = log(12);
const end = { sequence: 12, head: whole[11]?.head };
const check = (entries: RecordedEntry[]): ChainCheck => checkChain(start, entries, end);
const bad = (firstBadSequence: number) => ({ intact: false, firstBadSequence });
const at = (place: number, change: (entry: RecordedEntry) => Partial<RecordedEntry>) =>
  whole.map((entry, index) => (index === place ? { ...entry, ...change(entry) } : entry));
const places = fc.nat(whole.length - 1);

describe('the chain of an audit log', () => {
  it('marks leaves and nodes as RFC 6962 does, so the same hashes can carry a tree', () => {
    const hex = (hash: Buffer) => hash.toString('hex');
    expect(hex(emptyHead)).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(hex(leafHash(''))).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    );
    const [left, right] = [leafHash(''), leafHash('\u0000')];
    expect(hex(nextHead(left, right))).toBe(
      'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    );
  });

  it('is intact as it was recorded, whole and in part', () => {
    expect(check(whole)).toEqual({ intact: true, head: end.head });
    fc.assert(
      fc.property(places, (from) => {
        const before = whole[from - 1]?.head ?? emptyHead;
        return checkChain({ sequence: from, head: before }, whole.slice(from), end).intact;
      }),
    );
    expect(checkChain(start, [], start)).toEqual({ intact: true, head: emptyHead });
  });

  it('shows a change of any one byte of any entry, and where', () => {
    const bytes = whole.flatMap((entry, place) =>
      Array.from({ length: entry.text.length }, (_, index) => [place, index] as const),
    );
    for (const [place, index] of bytes) {
      const changed = at(place, ({ text }) => ({
        text: text.slice(0, index) + (text[index] === '0' ? '1' : '0') + text.slice(index + 1),
      }));
      expect(check(changed)).toEqual(bad(place + 1));
    }
  });

  it('shows an entry that is found under other words than its bytes say', () => {
    const changes: Partial<RecordedEntry['columns']>[] = [
      { action: 'job.cancelled' },
      { actor: { type: 'user', id: 'mallory' } },
      { target: { type: 'job', id: 'job_9' } },
      { at: new Date(0) },
      { outcome: 'refused' },
      { tenant: 'globex' },
      { id: 'aud_x' },
    ];
    for (const change of changes) {
      const entries = at(4, ({ columns }) => ({ columns: { ...columns, ...change } }));
      expect(check(entries)).toEqual(bad(5));
    }
  });

  it('shows a changed hash, and a rewrite of everything after a change', () => {
    expect(check(at(3, () => ({ leaf: leafHash('other') })))).toEqual(bad(4));
    expect(check(at(3, () => ({ head: leafHash('other') })))).toEqual(bad(4));
    const rewritten = log(12).map((entry) => ({ ...entry }));
    let head: Buffer = emptyHead;
    for (const [index, entry] of rewritten.entries()) {
      const text = index === 5 ? entryText({ ...entry.columns, facts: { index: 99 } }) : entry.text;
      const leaf = leafHash(text);
      head = nextHead(head, leaf);
      rewritten[index] = { ...entry, text, leaf, head };
    }
    expect(check(rewritten)).toEqual(bad(12));
  });

  it('shows an entry that was removed, doubled or moved', () => {
    fc.assert(
      fc.property(places, places, (one, other) => {
        fc.pre(one !== other);
        const removed = whole.filter((_, index) => index !== one);
        const doubled = whole.toSpliced(one, 0, ...whole.slice(one, one + 1));
        const moved = whole.toSpliced(one, 1).toSpliced(other, 0, ...whole.slice(one, one + 1));
        return [removed, doubled, moved].every((entries) => !check(entries).intact);
      }),
    );
    expect(check(whole.slice(0, 7))).toEqual(bad(8));
  });

  it('reads no facts out of bytes that are not an entry', () => {
    expect(factsOf('{"facts":{"a":1}}')).toEqual({ a: 1 });
    expect(factsOf('not json')).toBeUndefined();
  });
});
