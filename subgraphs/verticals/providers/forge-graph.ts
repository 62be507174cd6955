import { z } from 'zod';
import { ForgeError } from '../../shared/errors.ts';
import { isJobOver } from '../domain/job-end.ts';
import type { Employee, ForgeGraph, Refused } from './provider.ts';

/** Sends one GraphQL request and gives the body of the answer, parsed as JSON. */
export type SendGraphRequest = (
  employee: Employee,
  token: string,
  request: { readonly query: string; readonly variables: Record<string, unknown> },
) => Promise<unknown>;

export interface ForgeGraphOptions {
  readonly send: SendGraphRequest;
  /** Makes the token with which the employee speaks to the gateway. */
  readonly tokenFor: (employee: Employee) => Promise<string>;
}

/** The graph of Forge as a playbook's tools see it: an ordinary client of the gateway. */
export function forgeGraph(options: ForgeGraphOptions): ForgeGraph {
  const ask = async (employee: Employee, query: string, variables: Record<string, unknown>) =>
    readAnswer(
      await options.send(employee, await options.tokenFor(employee), { query, variables }),
    );

  return {
    async submitJob(employee, { idempotencyKey, ...spec }) {
      const input = { idempotencyKey, spec };
      const answer = await ask(employee, submitJobMutation, { input });
      if ('kind' in answer) return answer;
      const { submitJob } = parse(submitJobData, answer.data);
      return 'job' in submitJob
        ? { kind: 'submitted', jobId: submitJob.job.id }
        : { kind: 'refused', code: submitJob.code, message: submitJob.message };
    },

    async jobEnd(employee, jobId) {
      const answer = await ask(employee, jobQuery, { id: jobId });
      if ('kind' in answer) {
        throw new ForgeError('PROVIDER_UNAVAILABLE', `The graph did not say: ${answer.message}`);
      }
      const { job } = parse(jobData, answer.data);
      if (!job || !isJobOver(job.state)) return undefined;
      const { state, stateReason, exitCode } = job;
      return { state, reasonCode: stateReason?.code ?? null, exitCode: exitCode ?? null };
    },

    async cancelJob(employee, { jobId, reason, idempotencyKey }) {
      const variables = { id: jobId, reason, idempotencyKey };
      const answer = await ask(employee, cancelJobMutation, variables);
      if ('kind' in answer) return answer;
      const { cancelJob } = parse(cancelJobData, answer.data);
      return 'code' in cancelJob
        ? { kind: 'refused', code: cancelJob.code, message: cancelJob.message }
        : { kind: 'cancelled' };
    },
  };
}

const submitJobMutation = `mutation SubmitCheck($input: SubmitJobInput!) {
  submitJob(input: $input) {
    ... on SubmitJobSuccess { job { id } }
    ... on Refusal { code message }
  }
}`;

const jobQuery = `query CheckJob($id: ID!) {
  job(id: $id) { state stateReason { code } exitCode }
}`;

const cancelJobMutation = `mutation CancelCheck($id: ID!, $reason: String, $idempotencyKey: String!) {
  cancelJob(input: { id: $id, reason: $reason, idempotencyKey: $idempotencyKey }) {
    __typename
    ... on Refusal { code message }
  }
}`;

const refusal = z.object({ code: z.string(), message: z.string() });
const submitJobData = z.object({
  submitJob: z.union([z.object({ job: z.object({ id: z.string() }) }), refusal]),
});
const jobData = z.object({
  job: z
    .object({
      state: z.string(),
      stateReason: z.object({ code: z.string() }).nullish(),
      exitCode: z.int().nullish(),
    })
    .nullable(),
});
const cancelJobData = z.object({
  cancelJob: z.union([refusal, z.object({ __typename: z.string() })]),
});

const graphAnswer = z.object({
  data: z.unknown().optional(),
  errors: z
    .array(
      z.object({
        message: z.string(),
        extensions: z.object({ code: z.string().optional() }).optional(),
      }),
    )
    .optional(),
});

/** The codes of errors that mean that nothing happened, and that asking again changes nothing. */
const finalCodes = new Set([
  'BAD_USER_INPUT',
  'FORBIDDEN',
  'NOT_FOUND',
  'IDEMPOTENCY_KEY_REUSED',
  'PRECONDITION_FAILED',
  'LIMIT_EXCEEDED',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
]);

/** Gives the data, or the refusal that an error stands for. Throws when it was no usable answer. */
function readAnswer(body: unknown): { readonly data: unknown } | Refused {
  const { data, errors } = parse(graphAnswer, body);
  const [error] = errors ?? [];
  if (!error) return { data };
  const code = error.extensions?.code ?? 'INTERNAL';
  if (finalCodes.has(code)) return { kind: 'refused', code, message: error.message };
  throw new ForgeError('PROVIDER_UNAVAILABLE', `The graph gave no usable answer (${code}).`, {
    cause: error,
    retryable: true,
  });
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ForgeError('PROVIDER_UNAVAILABLE', 'The graph answered in an unknown form.', {
    cause: result.error,
    retryable: true,
  });
}
