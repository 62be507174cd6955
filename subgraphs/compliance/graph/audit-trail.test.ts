import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ComplianceUnderTest } from '../fixtures/compliance.ts';
import { auditTrailQuery, entry, openCompliance } from '../fixtures/compliance.ts';

let compliance: ComplianceUnderTest;
beforeAll(async () => {
  compliance = await openCompliance();
  const actions = ['job.submitted', 'hold.placed', 'job.admitted', 'charge.settled'];
  for (const [index, action] of actions.entries()) {
    await compliance.record('acme', entry(`aud_${index}`, { action }));
    await compliance.record(
      'acme',
      entry(`aud_x${index}`, { target: { type: 'job', id: 'job_2' } }),
    );
  }
  await compliance.record('acme', entry('aud_run', { target: { type: 'run', id: 'job_1' } }));
  await compliance.record(
    'acme',
    entry('aud_no', { outcome: 'refused', actor: { type: 'ai-employee', id: 'eve' } }),
  );
});
afterAll(() => compliance.close());

const representations = [{ __typename: 'Job', id: 'job_1' }];

interface Page {
  readonly edges: readonly { readonly node: { readonly id: string } }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}
const names = (page: Page) => page.edges.map((edge) => edge.node.id);
const pageOf = (data: unknown, list: 'auditTrail' | 'auditEntries') =>
  (data as { _entities: [Record<typeof list, Page>] })._entities[0][list];

describe('the audit trail of a job', () => {
  it('is everything that was done to this job and nothing else, oldest first', async () => {
    const { data, errors } = await compliance.ask({ tenant: 'acme' }, auditTrailQuery, {
      representations,
    });
    expect(errors).toBeUndefined();
    const trail = pageOf(data, 'auditTrail');
    expect(names(trail)).toEqual(['aud_0', 'aud_1', 'aud_2', 'aud_3', 'aud_no']);
    expect(trail.edges[0]?.node).toEqual({
      id: 'aud_0',
      action: 'job.submitted',
      at: '2026-05-05T09:59:00.000Z',
      actor: 'user:alice',
      outcome: 'SUCCESS',
      target: { type: 'job', id: 'job_1' },
      facts: { template: 'node' },
    });
  });

  it('comes in pages that together are the whole, also while entries are added', async () => {
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const variables = { representations, first: 2, after };
      const { data } = await compliance.ask({ tenant: 'acme' }, auditTrailQuery, variables);
      const auditTrail = pageOf(data, 'auditTrail');
      seen.push(...names(auditTrail));
      after = auditTrail.pageInfo.hasNextPage ? auditTrail.pageInfo.endCursor : null;
      if (seen.length === 2) await compliance.record('acme', entry('aud_late'));
    } while (after !== null);
    expect(seen).toEqual(['aud_0', 'aud_1', 'aud_2', 'aud_3', 'aud_no', 'aud_late']);
  });
});

describe("a tenant's audit log", () => {
  const list = async (argument: string) => {
    const query = `query ($representations: [_Any!]!) { _entities(representations: $representations) {
      ... on Tenant { auditEntries(${argument}) { edges { node { id } } } } } }`;
    const { data, errors } = await compliance.ask({ tenant: 'acme' }, query, {
      representations: [{ __typename: 'Tenant', id: 'acme' }],
    });
    expect(errors).toBeUndefined();
    return names(pageOf(data, 'auditEntries'));
  };

  it('comes newest first, or oldest first when asked', async () => {
    expect(await list('first: 2')).toEqual(['aud_late', 'aud_no']);
    expect(await list('first: 2, order: OLDEST_FIRST')).toEqual(['aud_0', 'aud_x0']);
  });

  it.each([
    ['{ action: "hold.placed" }', ['aud_1']],
    ['{ outcome: REFUSED }', ['aud_no']],
    ['{ actorType: "ai-employee", actorId: "eve" }', ['aud_no']],
    ['{ targetType: "run" }', ['aud_run']],
    ['{ targetType: "run", targetId: "job_2" }', []],
    ['{ from: "2030-01-01T00:00:00Z" }', []],
    ['{ to: "2026-05-05T09:59:00.000Z" }', []],
    ['{ action: null, targetId: "job_1", targetType: "run" }', ['aud_run']],
  ])('is narrowed by %s', async (filter, expected) => {
    expect(await list(`first: 50, filter: ${filter}`)).toEqual(expected);
  });
});
