import type { Chore } from '../../shared/host.ts';
import { keptDays } from '../domain/artifact.ts';
import { jobsToPurge, purgeJob } from '../store/overdue.ts';
import type { SandboxDeps } from './deps.ts';

const dayMs = 86_400_000;

/** Removes what jobs printed and left, 30 days after their end. */
export const sweepKept: Chore<SandboxDeps> = {
  name: 'sweep-kept',
  everyMs: 600_000,
  async run({ db, deps, signal }) {
    const at = deps.clock.now();
    const before = new Date(at.getTime() - keptDays * dayMs);
    while (!signal.aborted) {
      const jobs = await db.across((tx) => jobsToPurge(tx, before));
      if (jobs.length === 0) return;
      for (const { tenant, jobId } of jobs) await db.tx(tenant, (tx) => purgeJob(tx, jobId, at));
    }
  },
};
