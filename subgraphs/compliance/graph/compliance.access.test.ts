import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ComplianceUnderTest } from '../fixtures/compliance.ts';
import { auditTrailQuery, entry, openCompliance } from '../fixtures/compliance.ts';

let compliance: ComplianceUnderTest;
beforeAll(async () => {
  compliance = await openCompliance();
  await compliance.record('acme', entry('aud_1'));
});
afterAll(() => compliance.close());

const tenantLog = `query ($representations: [_Any!]!) { _entities(representations: $representations) {
  ... on Tenant { auditEntries { edges { node { action } } } } } }`;
const operations: [string, string, object][] = [
  ['the audit trail of a job', auditTrailQuery, { __typename: 'Job', id: 'job_1' }],
  ['the audit log of a tenant', tenantLog, { __typename: 'Tenant', id: 'acme' }],
  ['an audit entry', '{ auditEntry(id: "aud_1") { action } }', {}],
  ['a check of the log', '{ auditChain { intact } }', {}],
];

describe.each(operations)('%s', (_what, query, reference) => {
  const variables = query.includes('representations') ? { representations: [reference] } : {};

  it('is shown to whoever may read compliance', async () => {
    const caller = { tenant: 'acme', scopes: ['compliance:read'] };
    const { data, errors } = await compliance.ask(caller, query, variables);
    expect(errors).toBeUndefined();
    expect(JSON.stringify(data)).toMatch(/job\.submitted|"intact":true/);
  });

  it.each([
    ['nothing at all', []],
    [
      'everything but compliance',
      ['sandbox:read', 'sandbox:write', 'billing:read', 'verticals:read'],
    ],
    ['something unknown', ['compliance', 'compliance:*', 'compliance:reader']],
  ])('is refused to whoever may do %s', async (_scopes, scopes) => {
    const { data, errors } = await compliance.ask({ tenant: 'acme', scopes }, query, variables);
    expect(errors).toHaveLength(1);
    expect(JSON.stringify(data ?? null)).not.toMatch(/job\.submitted|intact/);
  });
});

it('an audit entry by reference is refused like one by id', async () => {
  const query = `query ($representations: [_Any!]!) {
    _entities(representations: $representations) { ... on AuditEntry { id action facts } } }`;
  const representations = [{ __typename: 'AuditEntry', id: 'aud_1' }];
  const ask = (scopes: string[]) =>
    compliance.ask({ tenant: 'acme', scopes }, query, { representations });
  expect(JSON.stringify(await ask([]))).not.toContain('job.submitted');
  expect((await ask(['compliance:read'])).data).toMatchObject({
    _entities: [{ action: 'job.submitted' }],
  });
});
