import type { ArtifactEntry, ArtifactRefusal } from '../runner.ts';
import { mediaTypeOf } from '../local/media-type.ts';
import { frameOf } from './frames.ts';
import { LogPieces } from './log-pieces.ts';

const refusals: Readonly<Record<ArtifactRefusal['why'], string>> = {
  NOT_A_REGULAR_FILE: 'Only regular files are kept.',
  HARD_LINK: 'A file with a second name is not kept. Copy it instead.',
  UNSAFE_PATH: 'A path must be UTF-8 without control characters and backslashes.',
  TOO_DEEP: 'The file lies too deep.',
  TOO_MANY_FILES: 'There are more files than are kept.',
  TOO_LARGE: 'The files together are larger than is kept of a job on this cluster.',
  UNREADABLE: 'The file cannot be read.',
};

/**
 * Gives what a program left, from what the wrapper wrote of it into the log:
 * for clusters without an artifact gate. A file that is not whole there, since
 * the node rotated a part of it away, is told as unreadable.
 */
export async function* artifactsInLog(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<ArtifactEntry> {
  let file: { path: string; bytes: number; parts: Buffer[]; got: number } | undefined;
  const closed = (): ArtifactEntry[] => {
    if (!file) return [];
    const { path, bytes, parts, got } = file;
    file = undefined;
    if (got !== bytes) return [refused('UNREADABLE', path)];
    const content = (async function* () {
      yield* await Promise.resolve(parts);
    })();
    return [{ kind: 'file', path, bytes, mediaType: mediaTypeOf(path), content }];
  };
  const pieces = new LogPieces();
  for await (const chunk of chunks) {
    for (const piece of pieces.take(chunk)) {
      const frame = frameOf(piece, true);
      if (frame.kind !== 'artifact') continue;
      if (frame.letter === 'd') {
        const part = Buffer.from(frame.text, 'base64');
        file?.parts.push(part);
        if (file) file.got += part.length;
        continue;
      }
      yield* closed();
      const [, first = '', path = ''] = /^(\S+) (.*)$/s.exec(frame.text) ?? [];
      if (frame.letter === 'f') file = { path, bytes: Number(first), parts: [], got: 0 };
      else if (first in refusals) yield refused(first as ArtifactRefusal['why'], path);
    }
  }
  yield* closed();
}

function refused(why: ArtifactRefusal['why'], path: string): ArtifactRefusal {
  return { kind: 'refused', path, why, message: refusals[why] };
}
