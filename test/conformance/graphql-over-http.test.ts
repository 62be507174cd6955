import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { serverAudits } from 'graphql-http';
import type { AuditResult } from 'graphql-http';
import { fetch } from 'undici';
import { startFixture } from '../../gateway/fixtures/gateway.ts';
import type { RunningFixture } from '../../gateway/fixtures/gateway.ts';

/**
 * What is not done although the draft allows it. A GET that any page may cause
 * without asking (CSRF) is refused until it carries a header that a page must
 * ask for, such as `apollo-require-preflight`: that is worth more than a link
 * that runs a query.
 */
const mayNot: ReadonlySet<string> = new Set(['5A70', 'D6D5', '6A70']);

describe('GraphQL over HTTP, as graphql-http audits it', () => {
  let fixture: RunningFixture;
  let results: AuditResult[];
  beforeAll(async () => {
    fixture = await startFixture('in-process');
    const fetchFn = (url: string, init: RequestInit = {}) =>
      fetch(url, {
        ...init,
        headers: { ...(init.headers as Record<string, string>), authorization: 'Bearer alice' },
      } as never);
    const audits = serverAudits({ url: fixture.url, fetchFn });
    results = await Promise.all(audits.map(({ fn }) => fn()));
  });
  afterAll(() => fixture.stop());

  const of = (level: 'MUST' | 'SHOULD' | 'MAY') =>
    results.filter(({ name }) => name.startsWith(level));
  const failed = (level: 'MUST' | 'SHOULD' | 'MAY') =>
    of(level).flatMap((result) =>
      result.status === 'ok' ? [] : [`${result.id} ${result.name}: ${result.reason}`],
    );

  it('is kept in all that it must and should', () => {
    expect(failed('MUST')).toEqual([]);
    expect(failed('SHOULD')).toEqual([]);
    expect(of('MUST')).toHaveLength(13);
    expect(of('SHOULD')).toHaveLength(23);
  });

  it('is kept in what it may, but for what a page could do behind its reader’s back', () => {
    const left = of('MAY').filter(({ status }) => status !== 'ok');
    expect(new Set(left.map(({ id }) => id))).toEqual(mayNot);
    expect(of('MAY')).toHaveLength(25);
  });
});
