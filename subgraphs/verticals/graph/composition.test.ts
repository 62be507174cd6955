import { composeServices } from '@apollo/composition';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { subgraphSdl } from '../../shared/host.ts';
import { verticals } from '../index.ts';

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.5",
  import: ["@key", "@shareable"])`;
const sandbox = `${link}
  type Query { job(id: ID!): Job }
  type Job @key(fields: "id") { id: ID! state: String! }
`;
const billing = `${link}
  type Query { tenant: Tenant }
  type Tenant @key(fields: "id") { id: ID! name: String! }
`;

describe("verticals' part of the graph", () => {
  it("fits the sandbox's jobs and billing's tenant", async () => {
    const sdl = await subgraphSdl(verticals({} as never, {} as never));
    const { supergraphSdl, errors } = composeServices([
      { name: 'sandbox', url: 'http://sandbox', typeDefs: parse(sandbox) },
      { name: 'billing', url: 'http://billing', typeDefs: parse(billing) },
      { name: 'verticals', url: 'http://verticals', typeDefs: parse(sdl) },
    ]);
    expect(errors).toBeUndefined();
    for (const entity of ['PlaybookRun', 'Approval', 'Playbook', 'Vertical', 'Job', 'Tenant']) {
      expect(supergraphSdl).toMatch(
        new RegExp(`type ${entity}\\b[^{]*@join__type\\(graph: VERTICALS, key: "id"\\)`),
      );
    }
    expect(supergraphSdl).toMatch(/runProgress\([^)]*runId: ID!\): RunEvent!/);
    expect(supergraphSdl).toMatch(/approvalsChanged\(after: Cursor\): ApprovalChange!/);
  });
});
