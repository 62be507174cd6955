import type { Actor } from '../../shared/auth.ts';
import type { Tx } from '../../shared/db.ts';
import type { JsonValue } from '../../shared/json.ts';
import type { PlaybookInput } from '../domain/input-schema.ts';
import type { RunReasonCode } from '../domain/run.ts';
import type { Employee, ForgeGraph } from '../providers/provider.ts';

/** What a finished step knows: plain data, kept with the step. */
export type StepOutput = Readonly<Record<string, JsonValue>>;

/** What a tool is given: the facts of the run so far, never a choice of its own. */
export type ToolCall = {
  readonly runId: string;
  /** The step that calls, or the step that is taken back. */
  readonly stepName: string;
  /** The key of the effect: the same for every attempt of this step of this run. */
  readonly key: string;
  readonly employee: Employee;
  readonly input: PlaybookInput;
  /** What the finished steps gave, by their names. */
  readonly outputs: Readonly<Record<string, StepOutput>>;
  /** Why the run stopped; only there when an effect is taken back. */
  readonly why: string | null;
};

/** A tool's answer. Throwing means that there is none: the call is made again. */
export type ToolAnswer =
  | { readonly kind: 'done'; readonly output: StepOutput | null }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

/** Asks somebody else. Its answer is recorded in a transaction of its own. */
export interface OutsideTool {
  readonly where: 'outside';
  /** Why a run stops when this tool refuses. */
  readonly refusedAs: RunReasonCode;
  /** Says whether nothing is left to do, so that nobody needs to be asked. */
  isSettled?(tx: Tx, call: ToolCall): Promise<boolean>;
  call(call: ToolCall, graph: ForgeGraph): Promise<ToolAnswer>;
  /** Writes what the answer means for us, in the transaction that finishes the step. */
  record?(tx: Tx, call: ToolCall, output: StepOutput | null, by: Actor, at: Date): Promise<void>;
}

/** Works in our own tables, in the transaction that finishes the step. */
export interface InsideTool {
  readonly where: 'inside';
  call(tx: Tx, call: ToolCall, by: Actor, at: Date): Promise<ToolAnswer>;
}

export type Tool = OutsideTool | InsideTool;
