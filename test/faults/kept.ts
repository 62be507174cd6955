import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { storageKey } from '../../subgraphs/sandbox/domain/artifact.ts';
import type { KindName } from './kinds.ts';
import { kindOf } from './kinds.ts';
import type { Ask } from './tables.ts';

interface JobOfKind {
  readonly id: string;
  readonly kind: KindName;
}

interface Chunk {
  readonly first_line: string;
  readonly last_line: string;
  readonly lines: string;
}

/** Each line of each job is kept once, in its place, and told once. */
export async function outputProblems(ask: Ask, jobs: readonly JobOfKind[]): Promise<string[]> {
  const problems: string[] = [];
  for (const { id, kind } of jobs) {
    const chunks = await ask<Chunk>(
      'select first_line, last_line, lines from sandbox.log_chunk where job_id = $1 order by last_line',
      [id],
    );
    const told = await ask<{ span: string }>(
      `select (payload ->> 'first') || '-' || (payload ->> 'last') as span from sandbox.event
       where stream = $1 and type = 'job.log-appended' order by seq`,
      [`job:${id}`],
    );
    const spans = chunks.map((chunk) => `${chunk.first_line}-${chunk.last_line}`);
    if (spans.join() !== told.map(({ span }) => span).join()) {
      problems.push(`the lines of ${id} are told as ${told.map(({ span }) => span).join()}`);
    }
    problems.push(...lineProblems(id, kind, chunks));
    problems.push(...(await progressProblems(ask, id, kind)));
  }
  return problems;
}

function lineProblems(id: string, kind: KindName, chunks: readonly Chunk[]): string[] {
  const { texts, whole } = kindOf(kind).printed;
  const lines = chunks.flatMap((chunk) =>
    (JSON.parse(chunk.lines) as [number, number, string][]).map(([, , text], index) => ({
      n: Number(chunk.first_line) + index,
      text,
    })),
  );
  const expected = whole ? texts : texts.slice(0, lines.length);
  const right =
    lines.length === expected.length &&
    lines.every(({ n, text }, index) => n === index + 1 && text === expected[index]);
  if (right) return [];
  return [`the output of ${id} is ${lines.map(({ n, text }) => `${n} ${text}`).join(', ')}`];
}

/** Reports of progress come once each, in order. Of a flood, some are left out. */
async function progressProblems(ask: Ask, id: string, kind: KindName): Promise<string[]> {
  const rows = await ask<{ message: string }>(
    `select payload ->> 'message' as message from sandbox.event
     where stream = $1 and type = 'job.progress' order by seq`,
    [`job:${id}`],
  );
  const { texts, whole } = kindOf(kind).printed;
  const steps = rows.map(({ message }) => Number(message.replace('step ', '')));
  const right = whole
    ? steps.join() === texts.map((_text, index) => index + 1).join()
    : steps.every((step, index) => step > (steps[index - 1] ?? 0));
  return right ? [] : [`the progress of ${id} is ${steps.join()}`];
}

/** Each file of each job is kept once, whole, and told once; nothing lies in the storage unknown. */
export async function artifactProblems(
  ask: Ask,
  jobs: readonly JobOfKind[],
  folder: string,
): Promise<string[]> {
  const rows = await ask<{
    id: string;
    tenant_id: string;
    job_id: string;
    path: string;
    sha256: string;
    told: number;
  }>(`
    select a.id, a.tenant_id, a.job_id, a.path, a.sha256,
      (select count(*)::int from sandbox.event e where e.stream = 'job:' || a.job_id
        and e.type = 'job.artifact-added' and e.payload ->> 'artifactId' = a.id) as told
    from sandbox.artifact a`);
  const kept = await Promise.all(
    rows.map(async ({ id, tenant_id: tenant, job_id: jobId, path, sha256, told }) => {
      const content = await readFile(join(folder, storageKey(tenant, jobId, id)));
      const found = createHash('sha256').update(content).digest('hex');
      return `${jobId} ${path} ${sha256} ${found} ${told}`;
    }),
  );
  const expected = jobs.flatMap(({ id, kind }) =>
    Object.entries(kindOf(kind).artifacts).map(([path, hash]) => `${id} ${path} ${hash} ${hash} 1`),
  );
  const known = await ask<{ id: string }>('select artifact_id as id from sandbox.artifact_content');
  const ids = new Set(known.map(({ id }) => id));
  const there = await readdir(folder, { recursive: true, withFileTypes: true });
  const unknown = there.filter((one) => one.isFile() && !ids.has(one.name.split('.')[0] ?? ''));
  return [
    ...expected.filter((one) => !kept.includes(one)).map((one) => `no file ${one}`),
    ...kept.filter((one) => !expected.includes(one)).map((one) => `a file ${one}`),
    ...(kept.length > expected.length ? [`${kept.length} files for ${expected.length}`] : []),
    ...unknown.map(({ name }) => `a content that nobody knows of: ${name}`),
  ];
}
