import { sleep } from '../../shared/time.ts';
import { ContentChanged, hashOf } from '../domain/artifact-content.ts';
import { refusalMessages, refusalOfName, storageKey } from '../domain/artifact.ts';
import type { RefusalWhy } from '../domain/artifact.ts';
import type { ArtifactFile } from '../providers/runner.ts';
import { countRefused, isKept, keepArtifact, refuseFile } from '../store/artifacts.ts';
import { markCollected } from '../store/attempts.ts';
import { expectContent } from '../store/contents.ts';
import { findJob } from '../store/jobs.ts';
import { collectUpload } from './collect-upload.ts';
import type { Flow } from './flow.ts';
import { isNoAnswer, writing } from './flow.ts';

/**
 * Keeps the files that the program left, each with its hash, and tells of those
 * that are not kept. Done again, it goes on with what is missing. Files that
 * cannot be had in time are left, and the job's end says so.
 */
export async function collectArtifacts(flow: Flow): Promise<void> {
  const { run, deps, ref } = flow;
  const tooLate = AbortSignal.timeout(deps.pace.collectMs);
  const signal = AbortSignal.any([run.signal, tooLate]);
  for (;;) {
    try {
      await collectOnce(flow, signal);
      return;
    } catch (err) {
      run.signal.throwIfAborted();
      if (tooLate.aborted) {
        run.log.error({ err, ...ref }, 'the files of a job could not be collected in time');
        return;
      }
      if (!isNoAnswer(err)) throw err;
      run.log.warn({ err, ...ref }, 'collecting again what is missing');
      await sleep(deps.pace.retryMs, signal).catch(() => undefined);
    }
  }
}

async function collectOnce(flow: Flow, signal: AbortSignal): Promise<void> {
  const { deps, ref } = flow;
  if (deps.runner.collects === 'by-upload') {
    await collectUpload(flow, signal);
  } else if (await readFiles(flow, signal)) {
    await writing(flow, async (tx) =>
      markCollected(tx, ref, await countRefused(tx, ref), deps.clock.now()),
    );
  }
}

/** False when the job does not collect any more. */
async function readFiles(flow: Flow, signal: AbortSignal): Promise<boolean> {
  const { deps, ref } = flow;
  const job = await writing(flow, (tx) => findJob(tx, ref.jobId));
  if (job?.state !== 'COLLECTING' || job.attempt !== ref.attempt) return false;
  const names = new Set<string>();
  for await (const entry of deps.runner.artifacts(ref, { signal })) {
    signal.throwIfAborted();
    if (entry.kind === 'refused') {
      await writing(flow, (tx) => refuseFile(tx, ref, entry));
      continue;
    }
    const why = refusalOfName(entry.path, names);
    if (why) await refuse(flow, entry.path, why);
    else if (!(await keep(flow, job.tenantId, entry, signal))) return false;
  }
  return true;
}

async function refuse({ run, ref }: Flow, path: string, why: RefusalWhy): Promise<void> {
  const message = refusalMessages[why];
  await run.db.tx((tx) => refuseFile(tx, ref, { path, why, message }));
}

async function keep(
  flow: Flow,
  tenant: string,
  { path, bytes, mediaType, content }: ArtifactFile,
  signal: AbortSignal,
): Promise<boolean> {
  const { deps, ref } = flow;
  if (await writing(flow, (tx) => isKept(tx, ref, path))) return true;
  try {
    const sha256 = await hashOf(content, bytes);
    const id = await writing(flow, (tx) => expectContent(tx, ref, deps.clock.now()));
    const key = storageKey(tenant, ref.jobId, id);
    await deps.storage.put(key, { bytes, sha256, content }, { signal });
    const file = { id, path, bytes, sha256, mediaType };
    return await writing(flow, (tx) => keepArtifact(tx, ref, file, deps.clock.now()));
  } catch (err) {
    if (!(err instanceof ContentChanged)) throw err;
    await refuse(flow, path, 'CHANGED');
    return true;
  }
}
