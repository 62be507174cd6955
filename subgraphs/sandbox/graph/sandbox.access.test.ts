import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { openSandbox } from '../fixtures/sandbox.ts';

let sandbox: SandboxUnderTest;
let id: string;
beforeAll(async () => {
  sandbox = await openSandbox();
  sandbox.scripted.script = () => ({ lines: ['secret output'], files: { 'a.txt': 'x' } });
  id = await sandbox.finished();
});
afterAll(() => sandbox.close());

const spec = '{ template: "shell", source: "true" }';
const operations: readonly (readonly [permission: string, operation: () => string])[] = [
  ['sandbox:read', () => `{ job(id: "${id}") { id } }`],
  ['sandbox:read', () => '{ jobs { edges { node { id } } } }'],
  ['sandbox:read', () => '{ jobTemplates { id } }'],
  ['sandbox:read', () => '{ sandboxQuota { weight } }'],
  ['sandbox:read', () => '{ sandboxRoom { state } }'],
  ['sandbox:read', () => `{ validateJobSpec(spec: ${spec}) { valid } }`],
  [
    'sandbox:write',
    () => `mutation { submitJob(input: { idempotencyKey: "a", spec: ${spec} }) { __typename } }`,
  ],
  [
    'sandbox:write',
    () => `mutation { cancelJob(input: { id: "${id}", idempotencyKey: "c" }) { __typename } }`,
  ],
  [
    'sandbox:write',
    () => `mutation { retryJob(input: { id: "${id}", idempotencyKey: "r" }) { __typename } }`,
  ],
  [
    'sandbox:close',
    () => `mutation { closeSandbox(input: { idempotencyKey: "z" }) { __typename } }`,
  ],
];

describe('access', () => {
  it.each(operations)('%s is what it takes, and nothing else will do: %#', async (needed, text) => {
    const others = ['sandbox:read', 'sandbox:write', 'billing:read', 'nonsense', 'sandbox:*'];
    const scopes = others.filter((scope) => scope !== needed);
    const refused = await sandbox.ask({ tenant: 'acme', scopes }, text());
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
    const allowed = await sandbox.ask({ tenant: 'acme', scopes: [needed] }, text());
    expect(allowed.errors).toBeUndefined();
  });

  it('opens no stream without sandbox:read', async () => {
    const query = `subscription { jobEvents(jobId: "${id}") { seq } }`;
    const [refused] = await sandbox.watch({ tenant: 'acme', scopes: ['sandbox:write'] }, query, 1);
    expect(refused?.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
    const [allowed] = await sandbox.watch({ tenant: 'acme', scopes: ['sandbox:read'] }, query, 1);
    expect(allowed?.errors).toBeUndefined();
  });

  it.each([
    'logs { edges { node { text } } }',
    'artifacts { edges { node { downloadUrl } } }',
    'events { edges { cursor } }',
    'spec { source }',
  ])('does not let a mutation tell what only reading may: %s', async (field) => {
    const text = `mutation { cancelJob(input: { id: "${id}", idempotencyKey: "${field}" }) {
        ... on JobAlreadyOver { job { id ${field} } } } }`;
    const refused = await sandbox.ask({ tenant: 'acme', scopes: ['sandbox:write'] }, text);
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
    expect(JSON.stringify(refused.data ?? null)).not.toMatch(/secret|artifact_|true/);
  });

  it('shows a job that others mention to those only who may read jobs', async () => {
    const query = `query ($representations: [_Any!]!) { _entities(representations: $representations) {
      ... on Job { state } } }`;
    const representations = [{ __typename: 'Job', id }];
    const asked = async (scopes: string[]) =>
      (await sandbox.ask({ tenant: 'acme', scopes }, query, { representations })).data;
    expect(await asked(['billing:read', 'verticals:read'])).toEqual({ _entities: [null] });
    expect(await asked(['sandbox:read'])).toEqual({ _entities: [{ state: 'SUCCEEDED' }] });
  });

  it('keeps a tenant’s quota from who may not read the sandbox', async () => {
    const query = `query ($representations: [_Any!]!) { _entities(representations: $representations) {
      ... on Tenant { id sandboxQuota { weight } jobs { edges { cursor } } } } }`;
    const representations = [{ __typename: 'Tenant', id: 'acme' }];
    const refused = await sandbox.ask({ tenant: 'acme', scopes: ['billing:read'] }, query, {
      representations,
    });
    expect(refused.data).toEqual({ _entities: [null] });
    const allowed = await sandbox.ask({ tenant: 'acme', scopes: ['sandbox:read'] }, query, {
      representations,
    });
    expect(allowed.data).toMatchObject({ _entities: [{ sandboxQuota: { weight: 1 } }] });
  });
});
