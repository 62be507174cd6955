import { watch } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttemptFolder } from './attempt-folder.ts';

/** Waits until something is true, asking whenever the folder changes. False when the time is over. */
export async function until(
  isTrue: () => Promise<boolean>,
  folder: AttemptFolder,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  let changed = Promise.withResolvers<undefined>();
  const watcher = watchFolder(folder, () => {
    changed.resolve(undefined);
  });
  try {
    for (;;) {
      changed = Promise.withResolvers<undefined>();
      if (await isTrue()) return true;
      const leftMs = end - Date.now();
      if (leftMs <= 0) return false;
      const pause = new AbortController();
      const over = AbortSignal.any([pause.signal, ...(signal ? [signal] : [])]);
      const timer = sleep(Math.min(pollMs, leftMs), undefined, { signal: over });
      await Promise.race([changed.promise, timer.catch(() => undefined)]);
      pause.abort();
      signal?.throwIfAborted();
    }
  } finally {
    watcher?.close();
  }
}

const pollMs = 250;

/** Watching only saves waiting: where it cannot be had, asking now and then does. */
function watchFolder(folder: AttemptFolder, onChange: () => void): { close(): void } | undefined {
  try {
    return watch(folder.path, onChange).on('error', () => undefined);
  } catch {
    return undefined;
  }
}
