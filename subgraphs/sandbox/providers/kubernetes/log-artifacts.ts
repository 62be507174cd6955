import { refusalMessages } from '../../domain/artifact.ts';
import type { ArtifactEntry, ArtifactRefusal } from '../runner.ts';
import { mediaTypeOf } from '../../domain/media-type.ts';
import { frameOf } from './frames.ts';
import { LogPieces } from './log-pieces.ts';

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
      else if (first in refusalMessages) yield refused(first as ArtifactRefusal['why'], path);
    }
  }
  yield* closed();
}

function refused(why: ArtifactRefusal['why'], path: string): ArtifactRefusal {
  return { kind: 'refused', path, why, message: refusalMessages[why] };
}
