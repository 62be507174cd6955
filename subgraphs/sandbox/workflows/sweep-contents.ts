import type { Chore, WorkerContext } from '../../shared/host.ts';
import type { SpareContent } from '../store/contents.ts';
import { beginRemoval, forgetContent, spareContents } from '../store/contents.ts';
import type { SandboxDeps } from './deps.ts';
import { isNoAnswer } from './flow.ts';

/**
 * No content waits longer to become an artifact: a job has three minutes to
 * collect what it left.
 */
const spareMs = 3_600_000;

/**
 * Removes what lies in the storage for nothing: contents whose job stopped
 * collecting, whose process was killed, or that are no longer kept.
 *
 * Each is marked, removed and forgotten, in that order: a crash repeats the
 * removal, and what is marked cannot become an artifact any more.
 */
export const sweepContents: Chore<SandboxDeps> = {
  name: 'sweep-contents',
  everyMs: 300_000,
  async run(work) {
    const before = new Date(work.deps.clock.now().getTime() - spareMs);
    while (!work.signal.aborted) {
      const spare = await work.db.across((tx) => spareContents(tx, before));
      for (const one of spare) if (!(await remove(work, one))) return;
      if (spare.length === 0) return;
    }
  },
};

/** False when the storage does not answer: the rest is swept later. */
async function remove(
  { db, deps, log, signal }: WorkerContext<SandboxDeps>,
  { tenant, id, key }: SpareContent,
): Promise<boolean> {
  try {
    if (await db.tx(tenant, (tx) => beginRemoval(tx, id))) {
      await deps.storage.remove(key, { signal });
    }
    await db.tx(tenant, (tx) => forgetContent(tx, id));
    return true;
  } catch (err) {
    if (signal.aborted || !isNoAnswer(err)) throw err;
    log.warn({ err }, 'the storage does not answer: it is swept later');
    return false;
  }
}
