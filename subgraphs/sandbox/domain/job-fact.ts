import type { JobReason } from './job-reason.ts';
import type { EndState, JobState } from './job-state.ts';

/** A fact in the event log of a job. The words are stored: never change their meaning. */
export type JobFact = { readonly attempt: number } & (
  | {
      readonly type: 'job.state-changed';
      readonly state: JobState;
      readonly reason: JobReason | null;
    }
  | { readonly type: 'job.progress'; readonly percent: number; readonly message: string | null }
  /** The text is in the log itself: the lines from `first` to `last`. */
  | { readonly type: 'job.log-appended'; readonly first: number; readonly last: number }
  | {
      readonly type: 'job.log-gap';
      readonly bytes: number | null;
      readonly why: 'OUTPUT_LIMIT' | 'LOST';
    }
  | {
      readonly type: 'job.usage-sampled';
      readonly billableMs: number;
      readonly cpuMs: number;
      readonly memoryBytes: number;
      readonly memoryPeakBytes: number;
    }
  | { readonly type: 'job.artifact-added'; readonly artifactId: string }
  | {
      readonly type: 'job.artifact-refused';
      readonly path: string;
      readonly why: string;
      readonly message: string;
    }
  | {
      readonly type: 'job.finished';
      readonly state: EndState;
      readonly reason: JobReason | null;
      readonly exitCode: number | null;
    }
);
