import { composeServices } from '@apollo/composition';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { subgraphSdl } from '../../shared/host.ts';
import { jobStates } from '../domain/job-state.ts';
import { sandboxOf } from '../fixtures/sandbox.ts';

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.5",
  import: ["@key", "@external", "@requires", "@shareable"])`;
const billing = (states: readonly string[]) => `${link}
  type Query { tenant: Tenant }
  type Tenant @key(fields: "id") { id: ID! name: String! }
  enum JobState { ${states.join(' ')} }
  type JobUsage { cpuMillicores: Int! @external memoryMib: Int! @external billableMs: Int! @external }
  type Job @key(fields: "id") {
    id: ID! state: JobState! @external usage: JobUsage @external
    cost: Int! @requires(fields: "state usage { billableMs cpuMillicores memoryMib }")
  }
`;
const verticals = `${link}
  type Query { run: ID }
  type Job @key(fields: "id") { id: ID! playbookRun: ID }
`;

async function compose(states: readonly string[]) {
  const sdl = await subgraphSdl(sandboxOf().subgraph);
  return composeServices([
    { name: 'sandbox', url: 'http://sandbox', typeDefs: parse(sdl) },
    { name: 'billing', url: 'http://billing', typeDefs: parse(billing(states)) },
    { name: 'verticals', url: 'http://verticals', typeDefs: parse(verticals) },
  ]);
}

describe("the sandbox's part of the graph", () => {
  it('has what others add to jobs fit, and owns their state and usage', async () => {
    const { supergraphSdl = '', errors } = await compose(jobStates);
    expect(errors).toBeUndefined();
    expect(supergraphSdl).toMatch(/type Job\b[^{]*@join__type\(graph: SANDBOX, key: "id"\)/);
    expect(supergraphSdl).toMatch(/state: JobState!.*graph: BILLING, external: true/);
    expect(supergraphSdl).toMatch(/jobEvents\([^)]*jobId: ID!\): JobEvent!/);
  });

  it('does not compose with one that knows other states', async () => {
    const { errors } = await compose([...jobStates, 'PAUSED']);
    expect(errors?.map((error) => error.message).join()).toContain('JobState');
  });

  it.each([
    'interface JobEvent { jobId: ID! seq: Int! cursor: Cursor! at: DateTime! attempt: Int job: Job! }',
    'type JobReason { code: String! message: String! retryable: Boolean! }',
    'input EnvInput { name: String! value: String! }',
    'input ResourcesInput { cpuMillicores: Int memoryMib: Int }',
    'input SubmitJobInput { idempotencyKey: String! spec: JobSpecInput! }',
    'input CancelJobInput { id: ID! reason: String idempotencyKey: String! }',
    'input RetryJobInput { id: ID! idempotencyKey: String! }',
    'type SubmitJobSuccess { job: Job! replayed: Boolean! }',
    'type Mutation { submitJob(input: SubmitJobInput!): SubmitJobResult! cancelJob(input: CancelJobInput!): CancelJobResult! retryJob(input: RetryJobInput!): RetryJobResult! }',
    'type Subscription { jobEvents(jobId: ID!, after: Cursor): JobEvent! }',
  ])('keeps what is promised: %s', async (promise) => {
    const sdl = parse(await subgraphSdl(sandboxOf().subgraph));
    for (const wanted of fieldsOf(promise)) expect(fieldsOf(sdl)).toContain(wanted);
  });
});

/** Every field as `Type.field(args): Type`. */
function fieldsOf(sdl: string | ReturnType<typeof parse>): string[] {
  return (typeof sdl === 'string' ? parse(sdl) : sdl).definitions.flatMap((definition) => {
    if (!('fields' in definition) || !('name' in definition)) return [];
    const { value: type } = definition.name;
    return (definition.fields ?? []).map((field) => {
      const args = 'arguments' in field ? (field.arguments ?? []) : [];
      const given = args.map(({ name, type }) => `${name.value}: ${text(type)}`).sort();
      return `${type}.${field.name.value}(${given.join()}): ${text(field.type)}`;
    });
  });
}

function text(type: { kind: string }): string {
  const node = type as { kind: string; type?: { kind: string }; name?: { value: string } };
  if (node.kind === 'NonNullType') return `${text(node.type ?? type)}!`;
  if (node.kind === 'ListType') return `[${text(node.type ?? type)}]`;
  return node.name?.value ?? '';
}
