import { bellOf } from '../../shared/wakeups.ts';
import { jobTopic } from '../store/facts.ts';
import { publishUpload } from '../store/uploads.ts';
import type { Flow } from './flow.ts';
import { writing } from './flow.ts';

/**
 * Waits until what a program left has come to the gate, and keeps all of it at
 * once. When nobody is there any more to bring it, nothing is kept, and the job's
 * end says so.
 */
export async function collectUpload(flow: Flow, signal: AbortSignal): Promise<void> {
  const { run, deps, ref } = flow;
  const bell = bellOf(run.db.wakeups, jobTopic(ref.jobId));
  try {
    for (let isLast = false; ;) {
      bell.quiet();
      const outcome = await writing(flow, (tx) => publishUpload(tx, ref, deps.clock.now()));
      if (outcome !== 'waiting') return;
      if (isLast) {
        run.log.error({ ...ref }, 'what a program left was not uploaded');
        return;
      }
      // The tables are asked once more after its end: it may have come just before that.
      isLast = !(await isUploading(flow, signal));
      if (!isLast) await bell.ring(deps.pace.lookMs, signal);
      signal.throwIfAborted();
    }
  } finally {
    bell.remove();
  }
}

async function isUploading({ deps, ref }: Flow, signal: AbortSignal): Promise<boolean> {
  const sight = await deps.runner.look(ref, { signal });
  return sight.kind === 'ended' && (sight.uploading ?? false);
}
