import type { EndState, JobState } from './job-state.ts';

/** Why a job stands where it stands. */
export interface JobReason {
  readonly code: JobReasonCode;
  /** For people. Says what happened and, where something can be done, what. */
  readonly message: string;
  /** Whether the same job, sent again, may end otherwise. */
  readonly retryable: boolean;
}

interface ReasonRule {
  readonly message: string;
  readonly retryable: boolean;
  /** The states in which a job can have it. */
  readonly states: readonly JobState[];
}

/** Every reason there is. A code that is out is never given another meaning. */
const rules = {
  WAITING_FOR_CREDIT: {
    message: 'The job waits until credit is kept aside for it.',
    retryable: true,
    states: ['QUEUED'],
  },
  WAITING_FOR_QUOTA: {
    message: 'The job waits until others of your jobs end: your quota is in use.',
    retryable: true,
    states: ['QUEUED'],
  },
  WAITING_FOR_TURN: {
    message: 'The job waits for its turn.',
    retryable: true,
    states: ['QUEUED'],
  },
  WAITING_FOR_ROOM: {
    message: 'The job waits until the place in which your programs run is made.',
    retryable: true,
    states: ['QUEUED'],
  },
  WAITING_FOR_CLUSTER: {
    message: 'The job waits for room where programs run.',
    retryable: true,
    states: ['QUEUED', 'CREATING'],
  },
  START_REPEATED: {
    message: 'The runner did not start the program. Nothing of it ran, so it is tried again.',
    retryable: true,
    states: ['QUEUED'],
  },
  INSUFFICIENT_CREDIT: {
    message: 'There is not enough credit for the most this job can cost. Add credit, then retry.',
    retryable: true,
    states: ['FAILED'],
  },
  HOLD_REFUSED: {
    message: 'Billing did not keep credit aside for the job.',
    retryable: true,
    states: ['FAILED'],
  },
  QUEUE_TIMEOUT: {
    message: 'The job was not given its turn in time.',
    retryable: true,
    states: ['FAILED'],
  },
  TEMPLATE_UNAVAILABLE: {
    message: 'The runner does not have the template of the job.',
    retryable: false,
    states: ['FAILED'],
  },
  RUNNER_UNAVAILABLE: {
    message: 'There is no runner that can run the job in isolation.',
    retryable: true,
    states: ['FAILED'],
  },
  START_FAILED: {
    message: 'The runner could not start the program.',
    retryable: true,
    states: ['FAILED'],
  },
  START_TIMEOUT: {
    message: 'The program was not started in time.',
    retryable: true,
    states: ['FAILED'],
  },
  RUNNER_LOST: {
    message: 'The runner lost the program while it ran. It may have had an effect.',
    retryable: true,
    states: ['FAILED'],
  },
  EXIT_NON_ZERO: {
    message: 'The program ended with a code other than 0.',
    retryable: false,
    states: ['FAILED'],
  },
  KILLED_BY_SIGNAL: {
    message: 'The program was ended by a signal.',
    retryable: false,
    states: ['FAILED'],
  },
  OOM_KILLED: {
    message: 'The program needed more memory than it was given. Ask for more memoryMib.',
    retryable: false,
    states: ['FAILED'],
  },
  OUTPUT_LIMIT: {
    message: 'The program printed more than is kept of a job.',
    retryable: false,
    states: ['FAILED'],
  },
  DISK_LIMIT: {
    message: 'The program wrote more files than it may.',
    retryable: false,
    states: ['FAILED'],
  },
  DEADLINE_EXCEEDED: {
    message: 'The program ran longer than its timeoutSeconds.',
    retryable: false,
    states: ['TIMED_OUT'],
  },
  CANCELLED_BY_USER: {
    message: 'The job was cancelled.',
    retryable: true,
    states: ['CANCELLING', 'CANCELLED'],
  },
  ARTIFACTS_REFUSED: {
    message: 'Some files were not kept: see the events of the job.',
    retryable: false,
    states: ['SUCCEEDED'],
  },
  COLLECT_TIMEOUT: {
    message: 'The program ended well, but its files could not be collected in time.',
    retryable: true,
    states: ['SUCCEEDED'],
  },
  SETTLE_TIMEOUT: {
    message: 'The program ended well. What it cost is settled later.',
    retryable: false,
    states: ['SUCCEEDED'],
  },
  INTERNAL: {
    message: 'Forge failed to carry the job through. It is being looked at.',
    retryable: true,
    states: ['FAILED'],
  },
} as const satisfies Record<string, ReasonRule>;

export type JobReasonCode = keyof typeof rules;

export const jobReasonCodes = Object.keys(rules) as JobReasonCode[];

/** The reason of a code; `details` are added to what is always said of it. */
export function jobReason(code: JobReasonCode, details = ''): JobReason {
  const { message, retryable } = rules[code];
  const text = details === '' ? message : `${message} ${details}`;
  return { code, message: text.slice(0, messageLengthMax), retryable };
}

/** Whether a job in this state can have this reason. */
export function belongsTo(code: JobReasonCode, state: JobState): boolean {
  return (rules[code].states as readonly JobState[]).includes(state);
}

/** The codes with which a job can end in this state. */
export function codesOf(state: EndState): JobReasonCode[] {
  return jobReasonCodes.filter((code) => belongsTo(code, state));
}

export const messageLengthMax = 2_000;
