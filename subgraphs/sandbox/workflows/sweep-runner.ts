import type { Chore, WorkerContext } from '../../shared/host.ts';
import { lost } from '../domain/verdict.ts';
import type { AttemptKey } from '../providers/runner.ts';
import { endUnseen } from '../store/finish-job.ts';
import { attemptsSeen, silentJobs } from '../store/overdue.ts';
import type { SandboxDeps } from './deps.ts';
import { isNoAnswer, sandboxActor } from './flow.ts';

/**
 * Compares what is on the runner with what the tables say, both ways: what runs
 * for no job, or for one that is over, is removed; a job whose program is gone
 * is told so.
 */
export const sweepRunner: Chore<SandboxDeps> = {
  name: 'sweep-runner',
  everyMs: 30_000,
  async run(work) {
    try {
      await removeOrphans(work);
      await endLost(work);
    } catch (err) {
      if (work.signal.aborted || !isNoAnswer(err)) throw err;
      work.log.warn({ err }, 'the runner does not answer: it is swept later');
    }
  },
};

/** An attempt that nobody knows of may belong to a database that is being restored. */
const unknownGraceMs = 600_000;

export async function removeOrphans(work: WorkerContext<SandboxDeps>): Promise<void> {
  const { db, deps, log, signal } = work;
  const present = await deps.runner.list({ signal });
  if (present.length === 0) return;
  const known = new Map(
    (
      await db.across((tx) =>
        attemptsSeen(
          tx,
          present.map(({ key }) => key),
        ),
      )
    ).map((seen) => [keyText(seen), seen]),
  );
  const nowMs = deps.clock.now().getTime();
  for (const { key, createdAt } of present) {
    const seen = known.get(keyText(key));
    const young = nowMs - createdAt.getTime() < unknownGraceMs;
    if (seen ? seen.live : young) continue;
    log.warn({ ...key }, 'something is left on the runner that belongs to no job: it is removed');
    await deps.runner.remove(key, { signal });
  }
}

/** Nobody who watches goes without writing a sign of life for this long. */
const silenceMs = 60_000;

export async function endLost({
  db,
  deps,
  log,
  signal,
}: WorkerContext<SandboxDeps>): Promise<void> {
  const since = new Date(deps.clock.now().getTime() - silenceMs);
  for (const { tenant, jobId, attempt } of await db.across((tx) => silentJobs(tx, since))) {
    const ref = { jobId, attempt };
    const { kind } = await deps.runner.look(ref, { signal });
    if (kind !== 'absent' && kind !== 'lost') continue;
    log.warn({ ...ref }, 'a job runs whose program is gone');
    await db.tx(tenant, (tx) => endUnseen(tx, ref, lost, sandboxActor, deps.clock.now()));
  }
}

function keyText({ jobId, attempt }: AttemptKey): string {
  return `${jobId}/${String(attempt)}`;
}
