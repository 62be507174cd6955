/** Events of a job, each with the price of the job by then: a join by another part of the graph. */

export const jobsText = `
  type Query { ping: String }
  type Subscription { jobEvents(jobId: ID!): JobEvent! }
  type JobEvent { seq: Int! at: String! percent: Int! message: String! job: Job! }
`;

export const jobId = 'job_019f1c2d7e5a';

/** What every reader asks for. */
export const query = `subscription { jobEvents(jobId: "${jobId}") {
  seq at percent message job { id cost { amountMinor currency } } } }`;

export interface JobEvent {
  readonly seq: number;
  /** Milliseconds since the epoch, when it happened. */
  readonly at: string;
  readonly percent: number;
  readonly message: string;
  readonly job: { readonly id: string };
}

export function eventOf(seq: number): JobEvent {
  return {
    seq,
    at: String(performance.timeOrigin + performance.now()),
    percent: seq % 100,
    message: `step ${seq} of the work is done`,
    job: { id: jobId },
  };
}

/** What the job costs by now; asking takes a turn, as any store does. */
export async function costOf(seq: number): Promise<{ amountMinor: number; currency: string }> {
  await new Promise((resolve) => setImmediate(resolve));
  return { amountMinor: 100 + seq, currency: 'EUR' };
}
