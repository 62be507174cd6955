import { readFile, stat } from 'node:fs/promises';
import type { Log } from '../../subgraphs/shared/log.ts';
import type { SupergraphSource } from './source.ts';

/**
 * A supergraph in a file, which may be written anew at any time.
 *
 * The file is looked at every `everyMs`, since what tells of changes differs by
 * file system and misses files that are links, as Kubernetes mounts them. A
 * change is taken when the file has been the same twice: nobody reads half of
 * what is being written. A file that cannot be read leaves the last one in use.
 */
export function supergraphFile(path: string, log: Log, everyMs = 1_000): SupergraphSource {
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
        looking = looking.then(look).catch((err: unknown) => {
          log.warn({ err, path }, 'the supergraph cannot be read, the last one stays in use');
        });
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
