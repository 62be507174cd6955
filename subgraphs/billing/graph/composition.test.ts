import { composeServices } from '@apollo/composition';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { subgraphSdl } from '../../shared/host.ts';
import { jobStates } from '../domain/job-cost.ts';
import { billing } from '../index.ts';

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.5",
  import: ["@key", "@shareable"])`;
const sandbox = (states: readonly string[]) => `${link}
  type Query { job(id: ID!): Job jobs(filter: JobFilter): [Job!]! }
  input JobFilter { states: [JobState!] }
  enum JobState { ${states.join(' ')} }
  type Job @key(fields: "id") { id: ID! state: JobState! usage: JobUsage }
  type JobUsage { cpuMillicores: Int! memoryMib: Int! billableMs: Int! cpuMs: Int! }
`;

async function compose(sandboxSdl: string) {
  const sdl = await subgraphSdl(billing({ stripe: {} } as never, {} as never));
  return composeServices([
    { name: 'sandbox', url: 'http://sandbox', typeDefs: parse(sandboxSdl) },
    { name: 'billing', url: 'http://billing', typeDefs: parse(sdl) },
  ]);
}

describe("billing's part of the graph", () => {
  it("fits the sandbox's jobs: the cost is billing's, state and usage stay the sandbox's", async () => {
    const { supergraphSdl, errors } = await compose(sandbox(jobStates));
    expect(errors).toBeUndefined();
    expect(supergraphSdl).toContain(
      'cost: JobCost! @join__field(graph: BILLING, requires: "state usage { billableMs cpuMillicores memoryMib }")',
    );
    expect(supergraphSdl).toMatch(/state: JobState!.*graph: BILLING, external: true/);
  });

  it('is refused by composition when it knows other job states than the sandbox', async () => {
    const { errors } = await compose(sandbox([...jobStates, 'PAUSED']));
    expect(errors?.map((error) => error.message).join()).toContain('JobState');
  });
});
