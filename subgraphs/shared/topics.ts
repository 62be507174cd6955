import type { Actor } from './auth.ts';
import type { JsonValue } from './json.ts';

/** A kind of message from one subgraph to others. */
export interface Topic<Payload> {
  readonly name: string;
  /** The subgraphs that take it. Each gets its own copy. */
  readonly to: readonly string[];
  /** Only here to tie the payload's type to the topic. */
  readonly payload?: Payload;
}

function topic<Payload>(name: string, ...to: readonly string[]): Topic<Payload> {
  return { name, to };
}

/** An attempt of a job that wants credit before it may run. */
export interface JobSubmitted {
  readonly jobId: string;
  readonly attempt: number;
  readonly template: string;
  readonly cpuMillicores: number;
  readonly memoryMib: number;
  readonly timeoutSeconds: number;
}
export const jobSubmitted = topic<JobSubmitted>('sandbox.job-submitted', 'billing');

/** An attempt that will not run: credit kept for it goes back. */
export interface HoldUnneeded {
  readonly jobId: string;
  readonly attempt: number;
}
export const holdUnneeded = topic<HoldUnneeded>('sandbox.hold-unneeded', 'billing');

/** What an attempt used. Told once, whoever ended it. */
export interface AttemptFinished {
  readonly jobId: string;
  readonly attempt: number;
  readonly cpuMillicores: number;
  readonly memoryMib: number;
  /** From the program's start to its end: with the resources set aside, what is billed. */
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly memoryPeakBytes: number;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly finishedAt: string;
}
export const attemptFinished = topic<AttemptFinished>('sandbox.attempt-finished', 'billing');

/** A job is over. */
export interface SandboxJobFinished {
  readonly jobId: string;
  readonly state: string;
  readonly reasonCode?: string | null;
  readonly exitCode?: number | null;
}
export const sandboxJobFinished = topic<SandboxJobFinished>('sandbox.job-finished', 'verticals');

/** Billing's answer to `sandbox.job-submitted`. */
export interface HoldDecided {
  readonly jobId: string;
  readonly attempt: number;
  readonly outcome: 'placed' | 'refused';
  readonly reasonCode?: string;
  readonly message?: string;
}
export const holdDecided = topic<HoldDecided>('billing.hold-decided', 'sandbox');

/** Billing's answer to `sandbox.attempt-finished`: what the attempt cost. */
export interface AttemptSettled {
  readonly jobId: string;
  readonly attempt: number;
  readonly amountMinor: number;
  readonly currency: string;
}
export const attemptSettled = topic<AttemptSettled>('billing.attempt-settled', 'sandbox');

/** Somebody did something that auditors may ask about. */
export interface AuditRecorded {
  readonly entryId: string;
  /** RFC 3339. */
  readonly at: string;
  readonly actor: Actor;
  readonly action: string;
  readonly target: { readonly type: string; readonly id: string };
  readonly outcome: 'success' | 'refused' | 'failure';
  readonly facts?: Readonly<Record<string, JsonValue>>;
}
export const auditRecorded = topic<AuditRecorded>('audit.recorded', 'compliance');
