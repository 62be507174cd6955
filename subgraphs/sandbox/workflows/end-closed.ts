import type { Chore, WorkerContext } from '../../shared/host.ts';
import { cancelJob } from '../store/cancel-job.ts';
import { closingTenants, liveJobs, roomTopic } from '../store/rooms.ts';
import type { SandboxDeps } from './deps.ts';
import { sandboxActor } from './flow.ts';

/** Cancels what is left of tenants whose sandbox was closed: each job ends as any that is cancelled. */
export const endClosed: Chore<SandboxDeps> = {
  name: 'end-closed',
  everyMs: 2_000,
  wakeTopic: roomTopic,
  async run({ db, deps, signal }: WorkerContext<SandboxDeps>) {
    for (const tenant of await db.across(closingTenants)) {
      for (const jobId of await db.tx(tenant, liveJobs)) {
        if (signal.aborted) return;
        const at = deps.clock.now();
        await db.tx(tenant, (tx) => cancelJob(tx, jobId, why, sandboxActor, at));
      }
    }
  },
};

const why = 'The sandbox of its tenant was closed.';
