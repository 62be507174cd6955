import type { JobEnd } from '../domain/job-end.ts';

/** The AI employee that acts, for one tenant and with nothing but these scopes. */
export type Employee = {
  readonly tenant: string;
  readonly id: string;
  readonly scopes: readonly string[];
};

export interface JobOrder {
  readonly template: string;
  readonly source: string;
  readonly args?: readonly string[];
  readonly timeoutSeconds?: number;
  /** The same key always means the same job. */
  readonly idempotencyKey: string;
}

/** A no that was understood: nothing happened. */
export interface Refused {
  readonly kind: 'refused';
  readonly code: string;
  readonly message: string;
}

export type SubmitAnswer = { readonly kind: 'submitted'; readonly jobId: string } | Refused;
/** `refused` covers a job that is over already: there is nothing left to cancel. */
export type CancelAnswer = { readonly kind: 'cancelled' } | Refused;

/**
 * What playbooks need from the rest of Forge, asked through its public graph as
 * any partner would, so that limits, prices and audit hold for AI employees too.
 *
 * A refusal is an answer. Throwing means that there is none and that the outcome
 * is unknown: ask again with the same key.
 */
export interface ForgeGraph {
  submitJob(employee: Employee, order: JobOrder): Promise<SubmitAnswer>;
  /** How the job ended; undefined while it has not, or when there is no such job. */
  jobEnd(employee: Employee, jobId: string): Promise<JobEnd | undefined>;
  cancelJob(
    employee: Employee,
    order: { readonly jobId: string; readonly reason: string; readonly idempotencyKey: string },
  ): Promise<CancelAnswer>;
}
