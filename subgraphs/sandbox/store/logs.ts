import type { Tx } from '../../shared/db.ts';
import type { JobFact } from '../domain/job-fact.ts';
import type { LogLine, LogStream } from '../domain/output.ts';
import { partOutput } from '../domain/output.ts';
import { findAttempt } from './attempts.ts';
import { appendJobFacts } from './facts.ts';
import type { AttemptRef } from './program.ts';
import { lockLive } from './program.ts';
import { AttemptRow, JobRow } from './rows.ts';

/** A piece of an attempt's output: what lies between two positions in it. */
export interface OutputPiece {
  readonly from: string;
  readonly to: string;
  readonly lines: readonly LogLine[];
  readonly gap: Pick<JobFact & { type: 'job.log-gap' }, 'bytes' | 'why'> | undefined;
}

export type Recorded =
  | 'recorded'
  /** Somebody else has read on from there: go on from the position that is kept. */
  | 'turned-away'
  /** The job is over, or another attempt is under way. */
  | 'over';

/**
 * Keeps a piece of output: its lines with their numbers, its reports of
 * progress, its gap, their events, and the position behind it, all or nothing.
 *
 * The position only ever moves from exactly where this piece begins, so no line
 * is kept twice or left out, however many read. Lines of a job are numbered
 * from 1 without gaps.
 */
export async function recordOutput(
  tx: Tx,
  ref: AttemptRef,
  { from, to, lines, gap }: OutputPiece,
): Promise<Recorded> {
  if (!(await lockLive(tx, ref))) return 'over';
  const attempt = await findAttempt(tx, ref.jobId, ref.attempt);
  if (attempt?.position !== from) return 'turned-away';

  const facts: JobFact[] = [];
  let lastLine = attempt.lastLine;
  for (const part of partOutput(lines)) {
    if (part.kind === 'progress') {
      facts.push({ type: 'job.progress', attempt: ref.attempt, ...part.progress });
      continue;
    }
    const first = lastLine + 1;
    lastLine += part.lines.length;
    await insertChunk(tx, ref, { first, last: lastLine }, part.lines);
    facts.push({ type: 'job.log-appended', attempt: ref.attempt, first, last: lastLine });
  }
  if (gap) facts.push({ type: 'job.log-gap', attempt: ref.attempt, ...gap });
  await tx.update(AttemptRow, { ...ref, position: from }, { position: to, lastLine });
  await keepProgress(tx, ref.jobId, facts);
  await appendJobFacts(tx, ref.jobId, facts);
  return 'recorded';
}

async function keepProgress(tx: Tx, jobId: string, facts: readonly JobFact[]): Promise<void> {
  const last = facts.findLast((fact) => fact.type === 'job.progress');
  if (!last) return;
  const { percent: progressPercent, message: progressMessage } = last;
  await tx.update(JobRow, { id: jobId }, { progressPercent, progressMessage });
}

/** A line as it is stored: stream, milliseconds, text, and 1 if it goes on in the next. */
type PackedLine = readonly [stream: 0 | 1, atMs: number, text: string, truncated: 0 | 1];

async function insertChunk(
  tx: Tx,
  { jobId, attempt }: AttemptRef,
  { first, last }: { readonly first: number; readonly last: number },
  lines: readonly LogLine[],
): Promise<void> {
  const packed = lines.map(({ stream, at, text, truncated }): PackedLine => [
    stream === 'stdout' ? 0 : 1,
    at.getTime(),
    text,
    truncated ? 1 : 0,
  ]);
  await tx.query(
    `insert into log_chunk (job_id, last_line, first_line, tenant_id, attempt, lines)
     values ($1, $2, $3, $4, $5, $6)`,
    [jobId, last, first, tx.tenant, attempt, JSON.stringify(packed)],
  );
}

/** A line with its number within its job. */
export interface NumberedLine extends LogLine {
  readonly n: number;
}

export interface LinesWanted {
  readonly after: number;
  readonly limit: number;
  readonly stream?: LogStream | undefined;
}

const chunksPerRead = 16;

/** Lines of a job after a number, in order. */
export async function readLines(
  tx: Tx,
  jobId: string,
  { after, limit, stream }: LinesWanted,
): Promise<NumberedLine[]> {
  const found: NumberedLine[] = [];
  for (let n = after; found.length < limit;) {
    const chunks = await chunksAfter(tx, jobId, n);
    const lines = chunks.flatMap(unpack);
    found.push(...lines.filter((line) => line.n > after && (!stream || line.stream === stream)));
    n = lines.at(-1)?.n ?? n;
    if (chunks.length < chunksPerRead) break;
  }
  return found.slice(0, limit);
}

/** The chunk of a job that ends with this line. Empty once it is no longer kept. */
export async function readChunks(
  tx: Tx,
  chunks: readonly { readonly jobId: string; readonly last: number }[],
): Promise<ReadonlyMap<string, readonly NumberedLine[]>> {
  const rows: ChunkRow[] = await tx.query(
    `select c.job_id, c.first_line, c.lines from log_chunk c
     join unnest($1::text[], $2::bigint[]) as wanted (job_id, last_line)
       on c.job_id = wanted.job_id and c.last_line = wanted.last_line`,
    [chunks.map(({ jobId }) => jobId), chunks.map(({ last }) => last)],
  );
  return new Map(
    rows.map((row) => {
      const lines = unpack(row);
      return [chunkKey(row.job_id, lines.at(-1)?.n ?? 0), lines];
    }),
  );
}

export function chunkKey(jobId: string, last: number): string {
  return `${jobId}/${String(last)}`;
}

interface ChunkRow {
  readonly job_id: string;
  readonly first_line: string;
  readonly lines: string;
}

function chunksAfter(tx: Tx, jobId: string, n: number): Promise<ChunkRow[]> {
  return tx.query(
    `select job_id, first_line, lines from log_chunk
     where tenant_id = $1 and job_id = $2 and last_line > $3 order by last_line limit $4`,
    [tx.tenant, jobId, n, chunksPerRead],
  );
}

function unpack({ first_line: first, lines }: ChunkRow): NumberedLine[] {
  const packed = JSON.parse(lines) as PackedLine[];
  return packed.map(([stream, atMs, text, truncated], index) => ({
    n: Number(first) + index,
    stream: stream === 0 ? 'stdout' : 'stderr',
    at: new Date(atMs),
    text,
    truncated: truncated === 1,
  }));
}
