import type { ApprovalState, Decider } from './approval.ts';
import type { RunReason, RunState, StepState } from './run.ts';

/** A fact in the event log of a run. The words are stored: never change their meaning. */
export type RunFact =
  | {
      readonly type: 'run.state-changed';
      readonly state: RunState;
      readonly reason: RunReason | null;
    }
  | {
      readonly type: 'run.step-changed';
      readonly step: string;
      readonly state: StepState;
      readonly attempts: number;
    }
  | { readonly type: 'run.job-submitted'; readonly step: string; readonly jobId: string }
  | { readonly type: 'run.approval-requested'; readonly approvalId: string }
  | {
      readonly type: 'run.approval-decided';
      readonly approvalId: string;
      readonly state: ApprovalState;
      readonly decidedBy: Decider | null;
    }
  | { readonly type: 'run.finished'; readonly state: RunState; readonly reason: RunReason | null };

/** A fact in a tenant's log of approvals. */
export interface ApprovalFact {
  readonly type: 'approval.changed';
  readonly approvalId: string;
  readonly state: ApprovalState;
}
