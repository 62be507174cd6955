import type { Context } from '../../../shared/context.ts';
import { bellOf } from '../../../shared/wakeups.ts';
import { isAnswered } from '../../domain/payments/operation.ts';
import { findOperation, operationTopic } from '../../store/payments/operations.ts';
import type { OperationRow } from '../../store/payments/rows.ts';

const lookAgainMs = 250;

/**
 * Waits until an operation has an answer, or is known to have none, and gives it
 * as it is then; also when the time is over before.
 */
export async function awaitOperation(
  ctx: Pick<Context, 'db' | 'signal'>,
  operationId: string,
  withinMs: number,
): Promise<OperationRow> {
  const until = Date.now() + withinMs;
  const bell = bellOf(ctx.db.wakeups, operationTopic(operationId));
  try {
    for (;;) {
      bell.quiet();
      const operation = await ctx.db.tx((tx) => findOperation(tx, operationId));
      if (!operation) throw new Error(`The operation ${operationId} is gone.`);
      const isSettled = isAnswered(operation.state) || operation.state === 'UNKNOWN';
      if (isSettled || Date.now() >= until || ctx.signal.aborted) return operation;
      await bell.ring(Math.min(lookAgainMs, Math.max(1, until - Date.now())), ctx.signal);
    }
  } finally {
    bell.remove();
  }
}
