import type { Run } from '../../../shared/workflow.ts';
import { defineWorkflow } from '../../../shared/workflow.ts';
import type { BillingDeps } from '../deps.ts';
import { callProvider } from './call-provider.ts';
import { recordAnswer } from './record-answer.ts';

export interface OperationRef {
  readonly operationId: string;
}

/**
 * Asks a provider for what an operation says, once in effect, and writes what
 * came of it.
 *
 * | a crash | after it |
 * |---|---|
 * | before the call | the call is made, under the operation's own key |
 * | in the call, or before its answer is recorded | the same call under the same key: the provider gives the first one's answer |
 * | before what was answered is written | it is written |
 * | while it waits to look again | it looks again at the time that was set |
 *
 * No answer is never read as a no. It is looked into after 5 s, 30 s, 5 min, 1 h
 * and a day: by the same call for as long as the provider keeps its key, and by
 * looking afterwards, or where the provider has kept an error under the key. A webhook that tells first ends the wait.
 */
export const askProvider = defineWorkflow<OperationRef, BillingDeps>(
  'billing.ask-provider',
  carryOut,
);

/** The body of the workflow. */
export async function carryOut(
  run: Run,
  { operationId }: OperationRef,
  deps: BillingDeps,
): Promise<void> {
  for (let round = 0; ; round += 1) {
    const told = await run.step(
      `call-${round}`,
      () => callProvider(run, operationId, round, deps),
      once,
    );
    if (told.kind === 'answered') return;
    const state = await run.tx(`record-${round}`, (tx) =>
      recordAnswer(tx, operationId, told, deps.clock.now()),
    );
    if (state !== 'UNKNOWN') return;
    const delayMs = deps.pace.recoveryMs[round];
    if (delayMs === undefined) {
      run.log.error({ operationId }, 'what became of a payment operation could not be found out');
      return;
    }
    await run.sleep(delayMs);
  }
}

/** A call is repeated by its transport, and by this program. */
const once = { attemptsMax: 1 };
