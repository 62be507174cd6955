import { In } from 'typeorm';
import type { Tx } from '../../shared/db.ts';
import type { StepState } from '../domain/run.ts';
import { appendRunFacts } from './facts.ts';
import { RunStepRow } from './rows.ts';

export interface StepChange {
  readonly state: StepState;
  readonly attempts?: number;
  readonly output?: object | null;
}

const finished: ReadonlySet<StepState> = new Set([
  'SUCCEEDED',
  'FAILED',
  'SKIPPED',
  'COMPENSATED',
  'COMPENSATION_FAILED',
]);

/** Writes what became of a step, with its event. The caller holds the run's row. */
export async function changeStep(
  tx: Tx,
  runId: string,
  name: string,
  change: StepChange,
  at: Date,
): Promise<void> {
  const step = await tx.findOneByOrFail(RunStepRow, { runId, name });
  const attempts = change.attempts ?? step.attempts;
  const begins = change.state === 'RUNNING' || change.state === 'WAITING';
  await tx.update(
    RunStepRow,
    { runId, name },
    {
      state: change.state,
      attempts,
      startedAt: step.startedAt ?? (begins ? at : null),
      finishedAt: finished.has(change.state) ? at : null,
      ...(change.output === undefined ? {} : { output: change.output }),
    },
  );
  await appendRunFacts(tx, runId, [
    { type: 'run.step-changed', step: name, state: change.state, attempts },
  ]);
}

/** The steps of these runs, in the order of their playbook. */
export async function stepsOf(tx: Tx, runIds: readonly string[]): Promise<RunStepRow[]> {
  return tx.find(RunStepRow, { where: { runId: In([...runIds]) }, order: { position: 'ASC' } });
}
