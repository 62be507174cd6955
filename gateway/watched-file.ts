import { readFile, stat } from 'node:fs/promises';

/** A text that may be replaced by a newer one at any time. */
export interface TextSource {
  /**
   * Gives the text to begin with, and from then on hands over each newer one.
   * Rejects when there is none to begin with.
   */
  start(onNewer: (text: string) => void): Promise<string>;
  stop(): Promise<void>;
}

/**
 * A file that may be written anew at any time.
 *
 * It is looked at every `everyMs`, since what tells of changes differs by file
 * system and misses files that are links, as Kubernetes mounts them. A change is
 * taken when the file has been the same twice: nobody reads half of what is
 * being written. A file that cannot be read leaves the last text in use, and
 * `failed` is told why.
 */
export function watchedFile(
  path: string,
  failed: (cause: unknown) => void,
  everyMs = 1_000,
): TextSource {
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  return {
    async start(onNewer) {
      let [taken, given] = [await versionOf(path), await readFile(path, 'utf8')];
      let seen = taken;
      const look = async (): Promise<void> => {
        const now = await versionOf(path);
        const isSettled = now === seen;
        seen = now;
        if (now === taken || !isSettled) return;
        const text = await readFile(path, 'utf8');
        taken = now;
        if (text === given) return;
        given = text;
        onNewer(text);
      };
      timer = setInterval(() => {
        looking = looking.then(look).catch(failed);
      }, everyMs);
      timer.unref();
      return given;
    },
    stop() {
      clearInterval(timer);
      return looking;
    },
  };
}

async function versionOf(path: string): Promise<string> {
  const { mtimeNs, ino, size } = await stat(path, { bigint: true });
  return `${String(mtimeNs)} ${String(ino)} ${String(size)}`;
}
