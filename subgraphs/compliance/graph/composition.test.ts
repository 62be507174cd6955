import { composeServices } from '@apollo/composition';
import { expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { subgraphSdl } from '../../shared/host.ts';
import { compliance } from '../index.ts';

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.5",
  import: ["@key", "@shareable"])`;
const sandbox = `${link}
  type Query { job(id: ID!): Job }
  interface Node { id: ID! }
  type Job implements Node @key(fields: "id") { id: ID! state: String! }`;
const billing = `${link}
  type Query { tenant: Tenant! }
  type Tenant @key(fields: "id") { id: ID! name: String! }`;

it('adds the log to jobs and tenants that other subgraphs own, and entries everybody can refer to', async () => {
  const sdl = await subgraphSdl(compliance({} as never, {} as never));
  const { supergraphSdl, errors } = composeServices([
    { name: 'sandbox', url: 'http://sandbox', typeDefs: parse(sandbox) },
    { name: 'billing', url: 'http://billing', typeDefs: parse(billing) },
    { name: 'compliance', url: 'http://compliance', typeDefs: parse(sdl) },
  ]);
  expect(errors).toBeUndefined();
  expect(supergraphSdl).toMatch(/auditTrail\([^)]*\): AuditEntryConnection!.*graph: COMPLIANCE/);
  expect(supergraphSdl).toMatch(/auditEntries\([^)]*\): AuditEntryConnection!.*graph: COMPLIANCE/);
  expect(supergraphSdl).toMatch(/type AuditEntry implements Node[^{]*key: "id"/);
});
