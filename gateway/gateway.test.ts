import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFixture } from './fixtures/gateway.ts';
import type { RunningFixture } from './fixtures/gateway.ts';

describe.each(['in-process', 'http'] as const)('queries over %s subgraphs', (mode) => {
  let fixture: RunningFixture;
  beforeAll(async () => {
    fixture = await startFixture(mode);
  });
  afterAll(() => fixture.stop());
  it('joins fields of several subgraphs', async () => {
    const response = await fetch(fixture.url, { method: 'POST', headers: { 'content-type': 'application/json', authorization: 'Bearer alice' }, body: JSON.stringify({ query: '{ job(id:"abc") { id title cost notes } }' }) });
    expect(await response.json()).toEqual({ data: { job: { id: 'abc', title: 'first', cost: 300, notes: ['note of abc'] } } });
  });
  it('sse', async () => {
    const response = await fetch(fixture.url, { method: 'POST', headers: { accept: 'text/event-stream', 'content-type': 'application/json', authorization: 'Bearer alice' }, body: JSON.stringify({ query: 'subscription { jobEvents(jobId:"abc", until: 3) { seq job { cost notes } } }' }) });
    expect(await response.text()).toEqual('x');
  });
});
