import { consumer } from '../../shared/outbox.ts';
import type { AttemptSettled } from '../../shared/topics.ts';
import { attemptSettled } from '../../shared/topics.ts';
import { settleAttempt } from '../store/attempts.ts';
import { jobTopic } from '../store/facts.ts';
import type { SandboxDeps } from './deps.ts';

/** Takes billing's word that an attempt is charged, and wakes the run that waits for it. */
export const onAttemptSettled = consumer<AttemptSettled, SandboxDeps>(
  attemptSettled,
  async ({ tx, payload: { jobId, attempt }, deps }) => {
    await settleAttempt(tx, jobId, attempt, deps.clock.now());
    tx.wakeAfterCommit(jobTopic(jobId));
  },
);
