import type { Chore } from '../../shared/host.ts';
import type { Database } from '../../shared/db.ts';
import { decideTurn } from '../domain/fair-order.ts';
import { lineTopic } from '../store/facts.ts';
import { findJob } from '../store/jobs.ts';
import { moveJob } from '../store/move-job.ts';
import { lockAdmission, lockNext, readLine } from '../store/queue.ts';
import type { SandboxDeps } from './deps.ts';
import { sandboxActor } from './flow.ts';
import { runIdOf, runJob } from './run-job.ts';

/** Gives waiting jobs their turn, as soon as one waits or there is room. */
export const admission: Chore<SandboxDeps> = {
  name: 'admission',
  everyMs: 2_000,
  wakeTopic: lineTopic,
  async run({ db, deps, signal }) {
    while (!signal.aborted && (await admitNext(db, deps)) !== 'none');
  },
};

/**
 * Admits the job whose turn it is, with its run, in one transaction.
 *
 * Who admits holds a lock until that has committed, and reads under it what all
 * tenants run: however many do so at once, nothing is admitted beyond the
 * runner's room or a tenant's quota.
 */
export async function admitNext(
  db: Database,
  { clock, capacity, rooms }: Pick<SandboxDeps, 'clock' | 'capacity' | 'rooms'>,
): Promise<'admitted' | 'changed' | 'none'> {
  const turn = async () => {
    const { tenants, total } = await db.across((across) =>
      readLine(across, { areNeeded: rooms.areNeeded, at: clock.now() }),
    );
    return decideTurn(tenants, total, capacity);
  };
  const expected = await turn();
  if (expected.kind !== 'admit') return 'none';
  return db.tx(expected.tenant, async (tx) => {
    await lockAdmission(tx);
    const now = await turn();
    if (now.kind !== 'admit') return 'none';
    if (now.tenant !== tx.tenant) return 'changed';
    const jobId = await lockNext(tx);
    const job = jobId === undefined ? null : await findJob(tx, jobId);
    if (!job) return 'changed';
    const { attempt, postponed } = job;
    const ref = { jobId: job.id, attempt, ...(postponed > 0 && { turn: postponed }) };
    await moveJob(tx, job.id, { to: 'ADMITTED', by: sandboxActor, at: clock.now() });
    await runJob.start(tx, runIdOf(ref), ref);
    return 'admitted';
  });
}
