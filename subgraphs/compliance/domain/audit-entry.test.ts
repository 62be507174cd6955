import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AuditFact } from './audit-entry.ts';
import { entryBytesMax, entryText, keptName } from './audit-entry.ts';

const fact: AuditFact = {
  tenant: 'acme',
  id: 'aud_1',
  at: new Date('2026-05-05T10:00:00Z'),
  actor: { type: 'user', id: 'alice' },
  action: 'job.submitted',
  target: { type: 'job', id: 'job_1' },
  outcome: 'success',
  facts: { template: 'node' },
};

describe("an entry's bytes", () => {
  it('are canonical JSON of who did what to which thing, when, and how it ended', () => {
    expect(entryText(fact)).toBe(
      '{"action":"job.submitted","actor":{"id":"alice","type":"user"},' +
        '"at":"2026-05-05T10:00:00.000Z","facts":{"template":"node"},"id":"aud_1",' +
        '"outcome":"success","target":{"id":"job_1","type":"job"},"tenant":"acme","v":1}',
    );
  });

  it('always fit, and facts that do not are replaced by their size and digest', () => {
    const facts = { text: 'é'.repeat(entryBytesMax) };
    const text = entryText({ ...fact, facts });
    expect(Buffer.byteLength(text)).toBeLessThan(1000);
    const bytes = JSON.stringify(facts);
    expect((JSON.parse(text) as { facts: unknown }).facts).toEqual({
      omitted: Buffer.byteLength(bytes),
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
  });
});

describe('a name that somebody else chose', () => {
  it('is kept as it is when it can be, and always can be kept', () => {
    expect(keptName('user:ålice 😀')).toBe('user:ålice 😀');
    expect(keptName('a\u0000b\ud800')).toBe('a\uFFFDb\uFFFD');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 1200 }), (name) => {
        const kept = keptName(name);
        expect(kept).not.toContain('\u0000');
        expect(Buffer.from(kept).toString()).toBe(kept);
        expect(Array.from(kept).length).toBeLessThanOrEqual(500);
        expect(keptName(kept)).toBe(kept);
      }),
    );
  });

  it('is cut when it is very long, and shows that it was', () => {
    const kept = keptName('x'.repeat(10_000));
    expect(kept).toBe(`${'x'.repeat(499)}…`);
  });
});
