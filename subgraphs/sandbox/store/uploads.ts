import type { Tx } from '../../shared/db.ts';
import { newId } from '../../shared/ids.ts';
import { mediaTypeOf } from '../domain/media-type.ts';
import { refusalMessages } from '../domain/artifact.ts';
import type { JudgedEntry } from '../domain/upload-manifest.ts';
import { countRefused, insertArtifacts, insertRefusals } from './artifacts.ts';
import { findAttempt, markCollected } from './attempts.ts';
import { expectContents } from './contents.ts';
import { jobTopic } from './facts.ts';
import type { AttemptRef } from './program.ts';
import { lockLive } from './program.ts';

/** What is to be done about an entry of an upload. */
export interface UploadEntry {
  readonly n: number;
  readonly state: 'wanted' | 'stored' | 'refused';
}

export type BegunUpload =
  | { readonly kind: 'open'; readonly entries: readonly UploadEntry[] }
  /** It was begun with another manifest. */
  | { readonly kind: 'used' }
  /** It is complete: nothing is taken any more. */
  | { readonly kind: 'complete' }
  /** The attempt is over, or was never. */
  | { readonly kind: 'over' };

/**
 * Begins the one upload of an attempt. Begun again with the same manifest it goes
 * on; any other is refused, whoever brings it and whatever was killed meanwhile.
 */
export async function beginUpload(
  tx: Tx,
  ref: AttemptRef,
  manifest: { readonly sha256: string; readonly entries: readonly JudgedEntry[] },
  at: Date,
): Promise<BegunUpload> {
  if (!(await isLive(tx, ref))) return { kind: 'over' };
  const { jobId, attempt } = ref;
  const found = await findUpload(tx, ref);
  if (!found) {
    await tx.query(
      `insert into artifact_upload (job_id, attempt, tenant_id, manifest_sha256, created_at)
       values ($1, $2, $3, $4, $5)`,
      [jobId, attempt, tx.tenant, manifest.sha256, at],
    );
    await insertEntries(tx, ref, manifest.entries, at);
  } else if (found.committedAt) return { kind: 'complete' };
  else if (found.manifestSha256 !== manifest.sha256) return { kind: 'used' };
  return { kind: 'open', entries: await entriesOf(tx, ref) };
}

/** Holds the job, so that an upload begins once. A job of nobody is as one that is over. */
async function isLive(tx: Tx, ref: AttemptRef): Promise<boolean> {
  const [row]: unknown[] = await tx.query('select 1 from job where id = $1', [ref.jobId]);
  return row !== undefined && (await lockLive(tx, ref)) !== undefined;
}

async function findUpload(tx: Tx, { jobId, attempt }: AttemptRef) {
  const [row]: { manifest_sha256: string; committed_at: Date | null }[] = await tx.query(
    `select manifest_sha256, committed_at from artifact_upload
     where job_id = $1 and attempt = $2 for update`,
    [jobId, attempt],
  );
  return row && { manifestSha256: row.manifest_sha256, committedAt: row.committed_at };
}

async function insertEntries(
  tx: Tx,
  ref: AttemptRef,
  entries: readonly JudgedEntry[],
  at: Date,
): Promise<void> {
  const rows = entries.map((entry) => ({
    ...{ bytes: null, sha256: null, why: null, message: null },
    ...entry,
    artifact_id: entry.kind === 'file' ? newId('artifact') : null,
  }));
  await expectContents(
    tx,
    ref,
    rows.flatMap((row) => row.artifact_id ?? []),
    at,
  );
  await tx.query(
    `insert into artifact_upload_entry
       (job_id, attempt, tenant_id, n, path, bytes, sha256, artifact_id, why, message)
     select $1, $2, $3, n, path, bytes, sha256, artifact_id, why, message
     from jsonb_to_recordset($4::jsonb) as row (n integer, path text, bytes bigint,
       sha256 text, artifact_id text, why text, message text)`,
    [ref.jobId, ref.attempt, tx.tenant, JSON.stringify(rows)],
  );
}

async function entriesOf(tx: Tx, { jobId, attempt }: AttemptRef): Promise<UploadEntry[]> {
  return tx.query(
    `select n, case when why is not null then 'refused'
       when stored_at is not null then 'stored' else 'wanted' end as state
     from artifact_upload_entry where job_id = $1 and attempt = $2 order by n`,
    [jobId, attempt],
  );
}

/** A content that an upload is to bring. */
export interface WantedContent {
  readonly artifactId: string;
  readonly bytes: number;
  readonly sha256: string;
}

export type TakenTurn =
  | ({ readonly kind: 'wanted' } & WantedContent)
  | { readonly kind: 'stored' | 'refused' | 'missing' | 'complete' | 'tried' };

/** How often one content may be sent. */
const triesMax = 50;

/** Counts one try to bring the content of an entry, and says what it must be. */
export async function tryEntry(
  tx: Tx,
  { jobId, attempt }: AttemptRef,
  n: number,
): Promise<TakenTurn> {
  const [row]: {
    artifact_id: string;
    bytes: string;
    sha256: string;
    why: string | null;
    stored_at: Date | null;
    committed_at: Date | null;
    tries: number;
  }[] = await tx.query(
    `select e.artifact_id, e.bytes, e.sha256, e.why, e.stored_at, e.tries, u.committed_at
     from artifact_upload_entry e join artifact_upload u using (job_id, attempt)
     where e.job_id = $1 and e.attempt = $2 and e.n = $3 for update of e`,
    [jobId, attempt, n],
  );
  if (!row) return { kind: 'missing' };
  if (row.committed_at) return { kind: 'complete' };
  if (row.why) return { kind: 'refused' };
  if (row.stored_at) return { kind: 'stored' };
  if (row.tries >= triesMax) return { kind: 'tried' };
  await tx.query(
    `update artifact_upload_entry set tries = tries + 1
     where job_id = $1 and attempt = $2 and n = $3`,
    [jobId, attempt, n],
  );
  const { artifact_id: artifactId, sha256 } = row;
  return { kind: 'wanted', artifactId, bytes: Number(row.bytes), sha256 };
}

/** Writes down that the content of an entry is in the storage, or that it is not what was said. */
export async function settleEntry(
  tx: Tx,
  { jobId, attempt }: AttemptRef,
  n: number,
  outcome: { readonly kind: 'stored'; readonly at: Date } | { readonly kind: 'changed' },
): Promise<void> {
  const [at, why, message] =
    outcome.kind === 'stored'
      ? [outcome.at, null, null]
      : [null, 'CHANGED', refusalMessages.CHANGED];
  await tx.query(
    `update artifact_upload_entry set stored_at = $4, why = $5, message = $6
     where job_id = $1 and attempt = $2 and n = $3 and why is null and stored_at is null
       and exists (select 1 from artifact_upload u
         where u.job_id = $1 and u.attempt = $2 and u.committed_at is null)`,
    [jobId, attempt, n, at, why, message],
  );
}

export type CommittedUpload = 'committed' | 'complete' | 'incomplete' | 'missing' | 'over';

/**
 * Completes an upload: from now on nothing of it changes, and its job takes all
 * of it at once. Refused while a content is missing.
 */
export async function commitUpload(tx: Tx, ref: AttemptRef, at: Date): Promise<CommittedUpload> {
  if (!(await isLive(tx, ref))) return 'over';
  const found = await findUpload(tx, ref);
  if (!found) return 'missing';
  if (found.committedAt) return 'complete';
  const entries = await entriesOf(tx, ref);
  if (entries.some(({ state }) => state === 'wanted')) return 'incomplete';
  await tx.query(
    'update artifact_upload set committed_at = $3 where job_id = $1 and attempt = $2',
    [ref.jobId, ref.attempt, at],
  );
  tx.wakeAfterCommit(jobTopic(ref.jobId));
  return 'committed';
}

/**
 * Keeps everything that an upload has brought, at once: its files, their events,
 * and what was refused. `waiting` while it is not complete, `over` when the job
 * does not collect any more. Done again it is done.
 */
export async function publishUpload(
  tx: Tx,
  ref: AttemptRef,
  at: Date,
): Promise<'published' | 'waiting' | 'over'> {
  if ((await lockLive(tx, ref))?.state !== 'COLLECTING') return 'over';
  if ((await findAttempt(tx, ref.jobId, ref.attempt))?.collectedAt) return 'published';
  if (!(await findUpload(tx, ref))?.committedAt) return 'waiting';
  const rows: {
    path: string;
    bytes: string;
    sha256: string;
    artifact_id: string;
    why: string | null;
    message: string;
  }[] = await tx.query(
    `select path, bytes, sha256, artifact_id, why, message from artifact_upload_entry
     where job_id = $1 and attempt = $2 order by path, n`,
    [ref.jobId, ref.attempt],
  );
  const files = rows
    .filter(({ why }) => why === null)
    .map(({ path, bytes, sha256, artifact_id: id }) => ({
      ...{ id, path, sha256 },
      bytes: Number(bytes),
      mediaType: mediaTypeOf(path),
    }));
  await insertArtifacts(tx, ref, files, at);
  await insertRefusals(
    tx,
    ref,
    rows.flatMap(({ path, why, message }) => (why === null ? [] : [{ path, why, message }])),
  );
  await markCollected(tx, ref, await countRefused(tx, ref), at);
  return 'published';
}
