import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readCloudEvent } from './cloud-event.ts';

const now = new Date('2026-05-05T10:00:00Z');
const good = { specversion: '1.0', id: 'e1', source: '/app', type: 'used', data: { n: 1 } };

describe('a CloudEvent', () => {
  it('is read with its defaults: no subject, and the moment it came', () => {
    expect(readCloudEvent(good, now)).toEqual({
      kind: 'event',
      event: { id: 'e1', source: '/app', type: 'used', subject: '', time: now, data: { n: 1 } },
    });
  });

  it('may be years late and may have attributes that we know nothing of', () => {
    const late = { ...good, time: '2019-02-28T23:59:59.123+01:00', comexample: 'x' };
    expect(readCloudEvent(late, now)).toMatchObject({
      event: { time: new Date('2019-02-28T22:59:59.123Z') },
    });
  });

  it.each([
    ['of another version', { specversion: '0.3' }],
    ['without an id', { id: undefined }],
    ['with an empty source', { source: '' }],
    ['with a type that is too long', { type: 'x'.repeat(257) }],
    ['with a subject that is no text', { subject: 7 }],
    ['with a time that is none', { time: 'yesterday' }],
    ['from two days ahead', { time: '2026-05-07T10:00:01Z' }],
    ['from the last century', { time: '1999-12-31T23:59:59Z' }],
    ['with data that is no object', { data: [1] }],
    ['with data of another kind', { datacontenttype: 'application/xml' }],
    ['with too much data', { data: { text: 'x'.repeat(17_000) } }],
    [
      'with data that is too deep',
      { data: JSON.parse('{"a":'.repeat(9) + '1' + '}'.repeat(9)) as unknown },
    ],
    ['with a character that cannot be stored', { data: { text: '\u0000' } }],
  ])('is rejected: one %s', (_what, change) => {
    expect(readCloudEvent({ ...good, ...change }, now).kind).toBe('rejected');
  });

  it('is read or rejected, whatever it is, and never throws', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(['event', 'rejected']).toContain(readCloudEvent(value, now).kind);
      }),
    );
    fc.assert(
      fc.property(
        fc.record({ data: fc.json().map((text): unknown => JSON.parse(text)) }),
        (part) => {
          expect(['event', 'rejected']).toContain(readCloudEvent({ ...good, ...part }, now).kind);
        },
      ),
    );
  });
});
