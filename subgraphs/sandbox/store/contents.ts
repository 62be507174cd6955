import type { AcrossTx, Tx } from '../../shared/db.ts';
import { ForgeError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import { storageKey } from '../domain/artifact.ts';
import type { AttemptRef } from './program.ts';

/**
 * Writes down that a content is about to be put into the storage, and gives the
 * id of its artifact to be. What never becomes one is swept.
 */
export async function expectContent(tx: Tx, ref: AttemptRef, at: Date): Promise<string> {
  const id = newId('artifact');
  await expectContents(tx, ref, [id], at);
  return id;
}

/** The same for ids that the caller has made. */
export async function expectContents(
  tx: Tx,
  { jobId, attempt }: AttemptRef,
  ids: readonly string[],
  at: Date,
): Promise<void> {
  await tx.query(
    `insert into artifact_content (artifact_id, tenant_id, job_id, attempt, created_at)
     select unnest($1::text[]), $2, $3, $4, $5`,
    [ids, tx.tenant, jobId, attempt, at],
  );
}

/** Takes contents for artifacts. Throws CONFLICT if one is being swept: then it has to be put again. */
export async function keepContents(tx: Tx, ids: readonly string[]): Promise<void> {
  const [kept]: [unknown[], number] = await tx.query(
    `update artifact_content set kept = true
     where artifact_id = any($1) and not kept and not removing returning artifact_id`,
    [ids],
  );
  if (kept.length !== ids.length) {
    throw new ForgeError('CONFLICT', 'A content is being removed.', { retryable: true });
  }
}

/** Lets go of all contents of a job: they are swept. */
export async function releaseContents(tx: Tx, jobId: string): Promise<void> {
  await tx.query('update artifact_content set kept = false where job_id = $1 and kept', [jobId]);
}

/** A content that is of no artifact. */
export interface SpareContent {
  readonly tenant: string;
  readonly id: string;
  readonly key: string;
}

const batchMax = 100;

/** Contents of no artifact that were expected before a moment, the oldest first. */
export async function spareContents(tx: AcrossTx, before: Date): Promise<SpareContent[]> {
  const rows = await tx.query<{ tenant_id: string; job_id: string; artifact_id: string }>(
    `select tenant_id, job_id, artifact_id from artifact_content
     where not kept and created_at < $1 order by created_at limit $2`,
    [before, batchMax],
  );
  return rows.map(({ tenant_id: tenant, job_id: jobId, artifact_id: id }) => ({
    ...{ tenant, id },
    key: storageKey(tenant, jobId, id),
  }));
}

/** Marks a spare content as being removed: it can become no artifact any more. False if it became one. */
export async function beginRemoval(tx: Tx, id: string): Promise<boolean> {
  const [marked]: [unknown[], number] = await tx.query(
    `update artifact_content set removing = true where artifact_id = $1 and not kept
     returning artifact_id`,
    [id],
  );
  return marked.length === 1;
}

/** Forgets a content of which nothing is left in the storage. */
export async function forgetContent(tx: Tx, id: string): Promise<void> {
  await tx.query('delete from artifact_content where artifact_id = $1 and removing', [id]);
}
