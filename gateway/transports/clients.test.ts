import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clientNames, read, soon, within } from '../fixtures/clients.ts';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';
import { theSecret } from '../fixtures/subgraphs.ts';

describe.each(['in-process', 'http'] as const)('with %s subgraphs', (mode) => {
  let fixture: RunningFixture;
  beforeAll(async () => {
    fixture = await startFixture(mode);
  });
  afterAll(() => fixture.stop());

  describe.each(clientNames)('%s', (client) => {
    it('reads events whose fields come from three subgraphs, then the end', async () => {
      const reading = read(
        fixture,
        client,
        `subscription { jobEvents(jobId: "abc", until: 3) {
           seq ... on JobFinished { outcome } alias: job { id price: cost notes } } }`,
      );
      expect(await soon(reading.ended)).toBeUndefined();
      const job = { id: 'abc', price: 300, notes: ['note of abc'] };
      expect(stripped(reading.results)).toEqual([
        { data: { jobEvents: { seq: 1, alias: job } } },
        { data: { jobEvents: { seq: 2, alias: job } } },
        { data: { jobEvents: { seq: 3, outcome: 'done', alias: job } } },
      ]);
    });

    it('closes the source within a second after leaving, without any event', async () => {
      const reading = read(fixture, client, 'subscription { quiet { seq job { cost } } }');
      expect(await within(3_000, () => fixture.state.openStreams.has('quiet'))).toBe(true);
      reading.leave();
      expect(await within(1_000, () => !fixture.state.openStreams.has('quiet'))).toBe(true);
    });

    it('goes on when another subgraph is down, with null and an error at its field', async () => {
      fixture.state.down.add('costs');
      const reading = read(
        fixture,
        client,
        'subscription { jobEvents(jobId: "abc", until: 2) { seq job { id cost notes } } }',
      );
      try {
        expect(await soon(reading.ended)).toBeUndefined();
      } finally {
        fixture.state.down.delete('costs');
      }
      expect(reading.results).toHaveLength(2);
      expect(reading.results[1]).toMatchObject({
        data: { jobEvents: { seq: 2, job: { id: 'abc', cost: null, notes: ['note of abc'] } } },
        errors: [
          { path: ['jobEvents', 'job', 'cost'], extensions: { code: 'SUBGRAPH_UNAVAILABLE' } },
        ],
      });
    });

    it('tells a refusal of the source before its first event, without internals', async () => {
      const reading = read(fixture, client, 'subscription { forbidden { seq } }');
      const failure = await soon(reading.ended);
      const told = JSON.stringify([failure, reading.results]);
      expect(told).toContain('Job not found.');
      expect(told).toContain('NOT_FOUND');
      expect(told).not.toContain(theSecret);
    });
  });
});

/** Clients add empty members and type names of their own. */
function stripped(results: readonly unknown[]): unknown {
  return JSON.parse(
    JSON.stringify(results, (key, value: unknown) => (key === '__typename' ? undefined : value)),
  );
}
