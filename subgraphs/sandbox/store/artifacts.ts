import { createHash } from 'node:crypto';
import { In } from 'typeorm';
import type { Tx } from '../../shared/db.ts';
import { newId } from '../../shared/ids.ts';
import { partBytes, safeMediaType } from '../domain/artifact.ts';
import { appendJobFacts } from './facts.ts';
import type { AttemptRef } from './program.ts';
import { lockLive } from './program.ts';
import { ArtifactRow } from './rows.ts';

export interface NewArtifact {
  readonly path: string;
  readonly bytes: number;
  readonly mediaType: string;
  readonly content: AsyncIterable<Uint8Array>;
}

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

/**
 * Keeps a file of an attempt: its content, its hash and its event, all or
 * nothing. False when the job does not collect any more, and nothing is kept.
 * Throws when the content is not as long as it was said to be.
 */
export async function keepArtifact(
  tx: Tx,
  ref: AttemptRef,
  { path, bytes, mediaType, content }: NewArtifact,
  at: Date,
): Promise<boolean> {
  const id = newId('artifact');
  const sha256 = await insertParts(tx, id, content, bytes);
  // The job is held only now: a cancel does not wait for the content to be read.
  if ((await lockLive(tx, ref))?.state !== 'COLLECTING') {
    await tx.query('delete from artifact_part where artifact_id = $1', [id]);
    return false;
  }
  await tx.insert(ArtifactRow, {
    id,
    tenantId: tx.tenant,
    ...ref,
    path,
    bytes,
    sha256,
    mediaType: safeMediaType(mediaType),
    createdAt: at,
  });
  await appendJobFacts(tx, ref.jobId, [
    { type: 'job.artifact-added', attempt: ref.attempt, artifactId: id },
  ]);
  return true;
}

async function insertParts(
  tx: Tx,
  artifactId: string,
  content: AsyncIterable<Uint8Array>,
  bytes: number,
): Promise<string> {
  const hash = createHash('sha256');
  let read = 0;
  let n = 0;
  for await (const part of inParts(content)) {
    read += part.length;
    if (read > bytes) break;
    hash.update(part);
    await tx.query(
      'insert into artifact_part (artifact_id, n, tenant_id, content) values ($1, $2, $3, $4)',
      [artifactId, (n += 1), tx.tenant, part],
    );
  }
  if (read !== bytes) throw new ContentChanged(bytes, read);
  return hash.digest('hex');
}

/** The content of a file was not what was said of it: it changed while it was read. */
export class ContentChanged extends Error {
  override readonly name = 'ContentChanged';
  constructor(said: number, read: number) {
    super(`The file was said to have ${String(said)} bytes and has ${String(read)} or more.`);
  }
}

async function* inParts(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const piece of content) {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= partBytes) {
      yield rest.subarray(0, partBytes);
      rest = rest.subarray(partBytes);
    }
  }
  if (rest.length > 0) yield rest;
}

export interface RefusedFile {
  readonly path: string;
  readonly why: string;
  readonly message: string;
}

/** Tells that a file is not kept, once. */
export async function refuseFile(
  tx: Tx,
  ref: AttemptRef,
  { path, why, message }: RefusedFile,
): Promise<void> {
  if (!(await lockLive(tx, ref))) return;
  const { jobId, attempt } = ref;
  const added: unknown[] = await tx.query(
    `insert into artifact_refusal (job_id, attempt, path, tenant_id, why)
     values ($1, $2, $3, $4, $5) on conflict do nothing returning path`,
    [jobId, attempt, path, tx.tenant, why],
  );
  if (added.length === 0) return;
  await appendJobFacts(tx, jobId, [{ type: 'job.artifact-refused', attempt, path, why, message }]);
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

/** A part of a file's content, from 1. Undefined behind the last one. */
export async function readPart(tx: Tx, id: string, n: number): Promise<Buffer | undefined> {
  const [row]: { content: Buffer }[] = await tx.query(
    'select content from artifact_part where tenant_id = $1 and artifact_id = $2 and n = $3',
    [tx.tenant, id, n],
  );
  return row?.content;
}
