import type { Log } from '../../subgraphs/shared/log.ts';
import { watchedFile } from '../watched-file.ts';
import type { SupergraphSource } from './source.ts';

/** A supergraph in a file, which may be written anew at any time. */
export function supergraphFile(path: string, log: Log, everyMs?: number): SupergraphSource {
  const failed = (err: unknown): void => {
    log.warn({ err, path }, 'the supergraph cannot be read, the last one stays in use');
  };
  return watchedFile(path, failed, everyMs);
}
