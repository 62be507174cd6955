import type { Actor } from '../../shared/auth.ts';
import type { Tx } from '../../shared/db.ts';
import type { Run } from '../../shared/workflow.ts';
import type { Playbook } from '../domain/playbook.ts';
import type { RunReason } from '../domain/run.ts';
import { findRun, reasonOf, wishRun } from '../store/runs.ts';
import { stepsOf } from '../store/steps.ts';
import type { VerticalsDeps } from './deps.ts';
import type { OutsideTool, StepOutput, ToolAnswer, ToolCall } from './tool.ts';

/** One run on its way through its playbook. */
export interface Flow {
  readonly run: Run;
  readonly playbook: Playbook;
  readonly deps: VerticalsDeps;
  /** The AI employee: the actor of everything that the engine does. */
  readonly by: Actor;
}

/** Whether the run goes on to its next step, or has been stopped. */
export type Course = 'go-on' | 'stop';

/** What wakes a run that waits; what has happened is read from our own tables. */
export const wakeTopic = 'wake';

/** Stops a run for a reason, unless it is stopping or over already. */
export async function stopRun(tx: Tx, flow: Flow, reason: RunReason, at: Date): Promise<Course> {
  await wishRun(tx, flow.run.id, { kind: 'stop', reason }, flow.by, at);
  return 'stop';
}

/** Puts together what a tool is given for a step. */
export async function toolCall(
  tx: Tx,
  { run, playbook }: Flow,
  stepName: string,
): Promise<ToolCall> {
  const row = await findRun(tx, run.id);
  const steps = await stepsOf(tx, [run.id]);
  const outputs: Record<string, StepOutput> = {};
  // Only tools write outputs, and what they write is a StepOutput.
  for (const { name, output } of steps) if (output) outputs[name] = output as StepOutput;
  return {
    runId: run.id,
    stepName,
    key: `${run.id}:${stepName}`,
    employee: { tenant: run.tenant, id: playbook.employee, scopes: playbook.scopes },
    input: row?.input ?? {},
    outputs,
    why: row ? (reasonOf(row)?.message ?? null) : null,
  };
}

/** What a tool gave, or that it gave nothing. */
export type Heard = ToolAnswer | { readonly kind: 'no-answer'; readonly message: string };

/**
 * Asks a tool once and records what was heard as the result of a step.
 *
 * No answer is a result too: the caller decides how often to ask again, and can
 * be stopped in between. Only the end of this process is no result, so that the
 * step is done again elsewhere.
 */
export async function hear(
  { run, deps }: Flow,
  name: string,
  tool: OutsideTool,
  call: ToolCall,
): Promise<Heard> {
  return run.step(
    name,
    async (): Promise<Heard> => {
      try {
        return await tool.call(call, deps.graph);
      } catch (cause) {
        if (run.signal.aborted) throw cause;
        run.log.warn({ err: cause, step: name }, 'a tool gave no answer');
        return { kind: 'no-answer', message: cause instanceof Error ? cause.message : 'unknown' };
      }
    },
    { attemptsMax: 1 },
  );
}
