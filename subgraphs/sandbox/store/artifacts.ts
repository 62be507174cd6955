import { In } from 'typeorm';
import type { Tx } from '../../shared/db.ts';
import { safeMediaType } from '../domain/artifact.ts';
import { keepContents } from './contents.ts';
import { appendJobFacts } from './facts.ts';
import type { AttemptRef } from './program.ts';
import { lockLive } from './program.ts';
import { ArtifactRow } from './rows.ts';

/** How many files of an attempt were not kept. */
export async function countRefused(tx: Tx, { jobId, attempt }: AttemptRef): Promise<number> {
  const [row]: { n: number }[] = await tx.query(
    'select count(*)::int as n from artifact_refusal where job_id = $1 and attempt = $2',
    [jobId, attempt],
  );
  return row?.n ?? 0;
}

export async function isKept(tx: Tx, ref: AttemptRef, path: string): Promise<boolean> {
  return tx.existsBy(ArtifactRow, { ...ref, path });
}

export interface NewArtifact {
  /** From `expectContent`: its content is in the storage. */
  readonly id: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly mediaType: string;
}

/**
 * Keeps a file of an attempt whose content is in the storage: from now on it is
 * seen, with its event. False when the job does not collect any more: then the
 * content is for nothing, and is swept.
 */
export async function keepArtifact(
  tx: Tx,
  ref: AttemptRef,
  file: NewArtifact,
  at: Date,
): Promise<boolean> {
  if ((await lockLive(tx, ref))?.state !== 'COLLECTING') return false;
  // Another process that collects the same has been faster.
  if (await isKept(tx, ref, file.path)) return true;
  await insertArtifacts(tx, ref, [file], at);
  return true;
}

/** The same for several at once, of a job that the caller holds. */
export async function insertArtifacts(
  tx: Tx,
  ref: AttemptRef,
  files: readonly NewArtifact[],
  at: Date,
): Promise<void> {
  if (files.length === 0) return;
  await keepContents(
    tx,
    files.map(({ id }) => id),
  );
  const rows = files.map(({ id, path, bytes, sha256, mediaType }) => ({
    ...{ id, tenantId: tx.tenant, ...ref, path, bytes, sha256 },
    mediaType: safeMediaType(mediaType),
    createdAt: at,
  }));
  await tx.insert(ArtifactRow, rows);
  await appendJobFacts(
    tx,
    ref.jobId,
    files.map(({ id }) => ({
      type: 'job.artifact-added',
      attempt: ref.attempt,
      artifactId: id,
    })),
  );
}

export interface RefusedFile {
  readonly path: string;
  readonly why: string;
  readonly message: string;
}

/** Tells that a file is not kept, once. */
export async function refuseFile(tx: Tx, ref: AttemptRef, file: RefusedFile): Promise<void> {
  if (await lockLive(tx, ref)) await insertRefusals(tx, ref, [file]);
}

/** The same for several at once, of a job that the caller holds. */
export async function insertRefusals(
  tx: Tx,
  { jobId, attempt }: AttemptRef,
  files: readonly RefusedFile[],
): Promise<void> {
  const added: { path: string; why: string }[] = await tx.query(
    `insert into artifact_refusal (job_id, attempt, path, tenant_id, why)
     select $1, $2, path, $3, why from jsonb_to_recordset($4::jsonb) as row (path text, why text)
     on conflict do nothing returning path, why`,
    [jobId, attempt, tx.tenant, JSON.stringify(files)],
  );
  const messages = new Map(files.map(({ path, why, message }) => [`${why} ${path}`, message]));
  const facts = added.map(({ path, why }) => {
    const message = messages.get(`${why} ${path}`) ?? '';
    return { type: 'job.artifact-refused', attempt, path, why, message } as const;
  });
  await appendJobFacts(tx, jobId, facts);
}

export async function findArtifact(tx: Tx, id: string): Promise<ArtifactRow | null> {
  return tx.findOneBy(ArtifactRow, { id });
}

export async function findArtifacts(tx: Tx, ids: readonly string[]): Promise<ArtifactRow[]> {
  return tx.findBy(ArtifactRow, { id: In([...ids]) });
}

/** One page of the files of a job, by path. */
export async function listArtifacts(
  tx: Tx,
  jobId: string,
  { limit, after }: { readonly limit: number; readonly after: string | undefined },
): Promise<ArtifactRow[]> {
  const query = tx
    .createQueryBuilder(ArtifactRow, 'artifact')
    .where('artifact.job_id = :jobId', { jobId })
    .orderBy('artifact.path', 'ASC')
    .limit(limit);
  if (after !== undefined) query.andWhere('artifact.path > :after', { after });
  return query.getMany();
}
