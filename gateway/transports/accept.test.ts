import { describe, expect, it } from '@jest/globals';
import { prefers } from './accept.ts';

const offers = [
  'application/json',
  'text/event-stream',
  'multipart/mixed;subscriptionSpec=1.0',
] as const;

describe('prefers', () => {
  it.each([
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['text/*', 'text/event-stream'],
    ['text/event-stream, application/json', 'text/event-stream'],
    ['text/event-stream;q=0.1, application/json', 'application/json'],
    ['application/json;q=0, */*', 'text/event-stream'],
    ['multipart/mixed', undefined],
    ['multipart/mixed;subscriptionSpec=1.0', 'multipart/mixed;subscriptionSpec=1.0'],
    ['MULTIPART/MIXED; subscriptionSpec="1.0"', 'multipart/mixed;subscriptionSpec=1.0'],
    ['application/xml', undefined],
    [',,;q=1', undefined],
  ] as const)('picks for "%s" %s', (accept, offer) => {
    expect(prefers(accept, offers)).toBe(offer);
  });
});
