import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ComplianceUnderTest } from '../fixtures/compliance.ts';
import { auditTrailQuery, entry, openCompliance } from '../fixtures/compliance.ts';

let compliance: ComplianceUnderTest;
beforeAll(async () => {
  compliance = await openCompliance();
  await compliance.record('acme', entry('aud_1'));
});
afterAll(() => compliance.close());

describe("another tenant's log", () => {
  const foreigner = { tenant: 'globex' };

  it('has no trail of its jobs for us: it answers as for a job that does not exist', async () => {
    const answer = (id: string) =>
      compliance.ask(foreigner, auditTrailQuery, { representations: [{ __typename: 'Job', id }] });
    expect(await answer('job_1')).toEqual(await answer('job_missing'));
    expect((await answer('job_1')).data).toMatchObject({
      _entities: [{ auditTrail: { edges: [] } }],
    });
  });

  it('has no entries for us, asked by id or by reference', async () => {
    const byId = 'query ($id: ID!) { auditEntry(id: $id) { id action } }';
    const byReference = `query ($representations: [_Any!]!) {
      _entities(representations: $representations) { ... on AuditEntry { id action } } }`;
    for (const id of ['aud_1', 'aud_missing']) {
      expect(await compliance.ask(foreigner, byId, { id })).toEqual({ data: { auditEntry: null } });
      const representations = [{ __typename: 'AuditEntry', id }];
      expect(await compliance.ask(foreigner, byReference, { representations })).toEqual({
        data: { _entities: [null] },
      });
    }
    const own = await compliance.ask({ tenant: 'acme' }, byId, { id: 'aud_1' });
    expect(own.data).toEqual({ auditEntry: { id: 'aud_1', action: 'job.submitted' } });
  });

  it('is not reached by naming its tenant', async () => {
    const query = `query ($representations: [_Any!]!) { _entities(representations: $representations) {
      ... on Tenant { auditEntries { edges { node { id } } } } } }`;
    const answer = (id: string) =>
      compliance.ask(foreigner, query, { representations: [{ __typename: 'Tenant', id }] });
    expect(await answer('acme')).toEqual(await answer('nobody'));
    expect((await answer('globex')).data).toEqual({ _entities: [{ auditEntries: { edges: [] } }] });
  });

  it('has a chain of its own: ours is empty while theirs grows', async () => {
    const query = '{ auditChain { size } }';
    expect((await compliance.ask(foreigner, query)).data).toEqual({ auditChain: { size: 0 } });
    expect((await compliance.ask({ tenant: 'acme' }, query)).data).toEqual({
      auditChain: { size: 1 },
    });
  });

  it.each(['audit_entry', 'audit_chain'])(
    'is out of reach in the database itself, to read and to write: %s',
    async (table) => {
      expect(await compliance.rows('globex', `select * from ${table}`)).toEqual([]);
      const row = `select to_jsonb(t) as row from ${table} t limit 1`;
      const [theirs] = await compliance.rows('acme', row);
      const forged = `insert into ${table} select * from jsonb_populate_record(null::${table}, $1)`;
      await expect(
        compliance.rows('globex', forged, [JSON.stringify(theirs?.['row'])]),
      ).rejects.toThrow('row-level security');
    },
  );

  it('may use the same entry id without hiding ours', async () => {
    await compliance.record('globex', entry('aud_1', { action: 'job.cancelled' }));
    const actions = (tenant: string) => compliance.rows(tenant, 'select action from audit_entry');
    expect(await actions('acme')).toEqual([{ action: 'job.submitted' }]);
    expect(await actions('globex')).toEqual([{ action: 'job.cancelled' }]);
  });
});
