import { sleep } from '../../shared/time.ts';
import { recordOutput } from '../store/logs.ts';
import type { Flow } from './flow.ts';
import { writing } from './flow.ts';
import type { Post } from './post.ts';

/** What is read and written in one transaction, at most. */
const bounds = { bytesMax: 256 * 1_024, linesMax: 4_000 };

export type ReadOn =
  /** There is more to read at once. */
  | 'more'
  /** Something was written; nothing more is there at the moment. */
  | 'wrote'
  | 'nothing'
  /** Everything there will ever be is written. */
  | 'ended';

const turnedAwayPauseMs = 500;

/** Reads on from where the output was last read, and keeps what is there. */
export async function readOutput(flow: Flow, post: Post): Promise<ReadOn> {
  const { run, deps, ref } = flow;
  const from = post.position;
  const output = await deps.runner.read(ref, from, bounds, { signal: run.signal });
  if (output.position === from) return output.ended ? 'ended' : 'nothing';

  const { lines, gap, position: to } = output;
  const piece = { from, to, lines, gap: gap && { bytes: gap.bytes, why: gap.why } };
  const recorded = await writing(flow, (tx) => recordOutput(tx, ref, piece));
  // Nothing is kept of a job that is over: its next look tells the watcher.
  if (recorded === 'over') {
    post.forget();
    return 'ended';
  }
  if (recorded === 'turned-away') {
    await sleep(turnedAwayPauseMs, run.signal);
    post.forget();
    await post.look();
    return 'more';
  }
  post.position = to;
  if (output.ended) return 'ended';
  return output.more ? 'more' : 'wrote';
}
