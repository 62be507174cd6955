import { ForgeError } from '../../shared/errors.ts';
import { sleep } from '../../shared/time.ts';
import { isSafePath } from '../domain/artifact.ts';
import type { ArtifactFile } from '../providers/runner.ts';
import {
  ContentChanged,
  countRefused,
  isKept,
  keepArtifact,
  refuseFile,
} from '../store/artifacts.ts';
import { markCollected } from '../store/attempts.ts';
import { findJob } from '../store/jobs.ts';
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
      if (!(await collectOnce(flow, signal))) return;
      await writing(flow, async (tx) =>
        markCollected(tx, ref, await countRefused(tx, ref), deps.clock.now()),
      );
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

/** False when the job does not collect any more. */
async function collectOnce(flow: Flow, signal: AbortSignal): Promise<boolean> {
  const { deps, ref } = flow;
  const job = await writing(flow, (tx) => findJob(tx, ref.jobId));
  if (job?.state !== 'COLLECTING' || job.attempt !== ref.attempt) return false;
  for await (const entry of deps.runner.artifacts(ref, { signal })) {
    signal.throwIfAborted();
    if (entry.kind === 'refused') {
      await writing(flow, (tx) => refuseFile(tx, ref, entry));
    } else if (!(await keep(flow, entry))) {
      return false;
    }
  }
  return true;
}

async function keep(flow: Flow, file: ArtifactFile): Promise<boolean> {
  const { deps, ref } = flow;
  const { path } = file;
  if (!isSafePath(path)) {
    const message = 'The path of the file is not one that is kept.';
    await writing(flow, (tx) => refuseFile(tx, ref, { path, why: 'UNSAFE_PATH', message }));
    return true;
  }
  if (await writing(flow, (tx) => isKept(tx, ref, path))) return true;
  const content = readOnce(file.content);
  try {
    return await writing(flow, (tx) =>
      keepArtifact(tx, ref, { ...file, content }, deps.clock.now()),
    );
  } catch (err) {
    if (!(err instanceof ContentChanged)) throw err;
    const message = 'The file changed while it was collected.';
    await writing(flow, (tx) => refuseFile(tx, ref, { path, why: 'UNREADABLE', message }));
    return true;
  }
}

/** A transaction that is done again cannot have the content again: then all is collected anew. */
function readOnce(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let read = false;
  return {
    [Symbol.asyncIterator]() {
      if (read) throw new ForgeError('CONFLICT', 'The content was read.', { retryable: true });
      read = true;
      return content[Symbol.asyncIterator]();
    },
  };
}
