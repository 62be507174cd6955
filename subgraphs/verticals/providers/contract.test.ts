import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { buildSchema, graphql } from 'graphql';
import { forgeGraph } from './forge-graph.ts';
import type { Employee, ForgeGraph, JobOrder } from './provider.ts';
import type { ScriptedForgeGraph } from './scripted-forge-graph.ts';
import { scriptedForgeGraph } from './scripted-forge-graph.ts';
import { httpClient } from '../../shared/http-client.ts';
import { sendTo } from './send.ts';

const http = httpClient({
  provider: 'the gateway',
  timeoutMs: 5_000,
  deadlineMs: 5_000,
  attemptsMax: 1,
});
afterAll(() => http.close());

const employee: Employee = { tenant: 'acme', id: 'check-runner', scopes: ['sandbox:write'] };
const order: JobOrder = { template: 'node', source: '1', args: ['a'], idempotencyKey: 'k1' };

/** The part of the partners' graph that is used, over what the scripted graph holds. */
const schema = buildSchema(`
  interface Refusal { code: String! message: String! }
  type Problem implements Refusal { code: String! message: String! }
  type JobReason { code: String! message: String! retryable: Boolean! }
  enum JobState { QUEUED RUNNING SUCCEEDED FAILED CANCELLED TIMED_OUT }
  type Job { id: ID! state: JobState! stateReason: JobReason exitCode: Int }
  type SubmitJobSuccess { job: Job! replayed: Boolean! }
  type CancelJobSuccess { job: Job! }
  union SubmitJobResult = SubmitJobSuccess | Problem
  union CancelJobResult = CancelJobSuccess | Problem
  input JobSpecInput { template: ID! source: String! args: [String!] timeoutSeconds: Int }
  input SubmitJobInput { idempotencyKey: String! spec: JobSpecInput! }
  input CancelJobInput { id: ID! reason: String idempotencyKey: String! }
  type Query { job(id: ID!): Job }
  type Mutation { submitJob(input: SubmitJobInput!): SubmitJobResult! cancelJob(input: CancelJobInput!): CancelJobResult! }
`);

function rootOver(scripted: ScriptedForgeGraph, as: Employee) {
  const jobNode = (id: string) => {
    const end = scripted.jobs.find((job) => job.id === id)?.end;
    const code = end?.reasonCode;
    const stateReason = code == null ? null : { code, message: code, retryable: false };
    return { id, state: end?.state ?? 'RUNNING', stateReason, exitCode: end?.exitCode };
  };
  const problem = (answer: { code: string; message: string }) => ({
    __typename: 'Problem',
    code: answer.code,
    message: answer.message,
  });
  type Spec = Omit<JobOrder, 'idempotencyKey'>;
  return {
    async submitJob({ input }: { input: { idempotencyKey: string; spec: Spec } }) {
      const { idempotencyKey, spec } = input;
      const answer = await scripted.submitJob(as, { ...spec, idempotencyKey });
      return answer.kind === 'refused'
        ? problem(answer)
        : { __typename: 'SubmitJobSuccess', job: jobNode(answer.jobId), replayed: false };
    },
    async job({ id }: { id: string }) {
      await scripted.jobEnd(as, id);
      return scripted.jobs.some((job) => job.id === id) ? jobNode(id) : null;
    },
    async cancelJob({ input }: { input: { id: string; reason: string; idempotencyKey: string } }) {
      const answer = await scripted.cancelJob(as, { ...input, jobId: input.id });
      return answer.kind === 'refused'
        ? problem(answer)
        : { __typename: 'CancelJobSuccess', job: jobNode(input.id) };
    },
  };
}

/** A gateway on loopback: answers from the scripted graph, or as a test tells it to. */
function localGateway() {
  const state = {
    scripted: scriptedForgeGraph(),
    next: undefined as { status: number; body: string } | undefined,
    authorization: '',
  };
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      state.authorization = request.headers.authorization ?? '';
      response.setHeader('content-type', 'application/json');
      if (state.next) {
        response.statusCode = state.next.status;
        response.end(state.next.body);
        state.next = undefined;
        return;
      }
      const { query, variables } = JSON.parse(Buffer.concat(chunks).toString()) as {
        query: string;
        variables: Record<string, unknown>;
      };
      const rootValue = rootOver(state.scripted, employee);
      const answer = await graphql({ schema, source: query, variableValues: variables, rootValue });
      response.end(JSON.stringify(answer));
    })();
  });
  return { state, server };
}

const gateway = localGateway();
let url = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => gateway.server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${String((gateway.server.address() as AddressInfo).port)}/graphql`;
});

afterAll(async () => {
  gateway.server.closeAllConnections();
  await new Promise((resolve) => gateway.server.close(resolve));
});

beforeEach(() => {
  gateway.state.scripted = scriptedForgeGraph();
});

function overHttp(): ForgeGraph {
  return forgeGraph({
    send: sendTo(http, () => url),
    tokenFor: async ({ id }) => `token-of-${id}`,
  });
}

describe.each([
  ['the graph over HTTP', overHttp],
  ['the scripted graph', () => gateway.state.scripted],
])('%s', (_name, make) => {
  it('takes the same key for the same job', async () => {
    const graph = make();
    const first = await graph.submitJob(employee, order);
    expect(first).toEqual({ kind: 'submitted', jobId: expect.stringMatching(/^job_/) });
    expect(await graph.submitJob(employee, order)).toEqual(first);
    expect(gateway.state.scripted.jobs).toMatchObject([{ order }]);
  });

  it('gives a refusal as an answer', async () => {
    const refused = await make().submitJob(employee, { ...order, template: 'cobol' });
    expect(refused).toEqual({
      kind: 'refused',
      code: 'UNKNOWN_TEMPLATE',
      message: 'There is no template "cobol".',
    });
  });

  it('says how a job ended, and nothing of one that runs or is not there', async () => {
    const graph = make();
    const answer = await graph.submitJob(employee, order);
    const jobId = answer.kind === 'submitted' ? answer.jobId : '';
    expect(await graph.jobEnd(employee, jobId)).toBeUndefined();
    expect(await graph.jobEnd(employee, 'job_none')).toBeUndefined();
    const end = { state: 'FAILED', reasonCode: 'OOM_KILLED', exitCode: 137 };
    gateway.state.scripted.finish(jobId, end);
    expect(await graph.jobEnd(employee, jobId)).toEqual(end);
  });

  it('cancels a job that runs and refuses for one that is over', async () => {
    const graph = make();
    const answer = await graph.submitJob(employee, order);
    const jobId = answer.kind === 'submitted' ? answer.jobId : '';
    const cancel = { jobId, reason: 'enough', idempotencyKey: 'k2' };
    expect(await graph.cancelJob(employee, cancel)).toEqual({ kind: 'cancelled' });
    expect(gateway.state.scripted.jobs).toMatchObject([{ cancelledFor: 'enough' }]);
    expect(await graph.cancelJob(employee, { ...cancel, idempotencyKey: 'k3' })).toMatchObject({
      kind: 'refused',
    });
  });

  it('throws when there was no answer, whether or not the effect happened', async () => {
    const graph = make();
    gateway.state.scripted.breakNext('submitJob', 1, 'after');
    await expect(graph.submitJob(employee, order)).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      retryable: true,
    });
    expect(await graph.submitJob(employee, order)).toMatchObject({ kind: 'submitted' });
    expect(gateway.state.scripted.jobs).toHaveLength(1);
  });
});

describe('the graph over HTTP', () => {
  it('speaks with the token of the employee', async () => {
    await overHttp().jobEnd(employee, 'job_none');
    expect(gateway.state.authorization).toBe('Bearer token-of-check-runner');
  });

  it.each([
    ['a form nobody knows', 200, '{"data":{"submitJob":{"job":7}}}'],
    ['no JSON', 200, '<html>'],
    ['a proxy’s error', 502, 'Bad Gateway'],
    [
      'an error that may pass',
      200,
      '{"data":null,"errors":[{"message":"x","extensions":{"code":"RATE_LIMITED"}}]}',
    ],
    [
      'a token that is not taken',
      401,
      '{"errors":[{"message":"x","extensions":{"code":"UNAUTHENTICATED"}}]}',
    ],
  ])('takes %s for no answer', async (_name, status, body) => {
    gateway.state.next = { status, body };
    await expect(overHttp().submitJob(employee, order)).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
    });
  });

  it('takes an error that will not pass for a refusal', async () => {
    const body = '{"data":null,"errors":[{"message":"No.","extensions":{"code":"FORBIDDEN"}}]}';
    gateway.state.next = { status: 200, body };
    expect(await overHttp().submitJob(employee, order)).toEqual({
      kind: 'refused',
      code: 'FORBIDDEN',
      message: 'No.',
    });
  });

  it('throws when nobody listens', async () => {
    const nobody = forgeGraph({
      send: sendTo(http, () => 'http://127.0.0.1:9/graphql'),
      tokenFor: async () => 'x',
    });
    await expect(nobody.submitJob(employee, order)).rejects.toMatchObject({ retryable: true });
  });
});
