import { open } from 'node:fs/promises';
import { refusalMessage } from '../../domain/artifact.ts';
import type { RefusalWhy } from '../../domain/artifact.ts';
import type { ArtifactEntry, ArtifactRefusal } from '../runner.ts';
import { codeOf } from './attempt-folder.ts';
import { mediaTypeOf } from '../../domain/media-type.ts';

/** As they are numbered in `collect.pl`. */
const refusals: readonly RefusalWhy[] = [
  'NOT_A_REGULAR_FILE',
  'HARD_LINK',
  'UNSAFE_PATH',
  'TOO_DEEP',
  'TOO_MANY_FILES',
  'TOO_LARGE',
  'UNREADABLE',
];

const headerBytes = 13;
const partBytes = 262_144;

/** Reads what was collected of an attempt. The file was written by us and no longer changes. */
export async function* readArtifacts(path: string): AsyncGenerator<ArtifactEntry> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw cause;
  });
  if (!file) return;
  const read = async (position: number, length: number): Promise<Buffer> => {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  };
  try {
    for (let at = 0; ;) {
      const header = await read(at, headerBytes);
      if (header.length < headerBytes) return;
      const pathBytes = header.readUInt32LE(1);
      const bytes = Number(header.readBigUInt64LE(5));
      const start = at + headerBytes + pathBytes;
      const name = (await read(at + headerBytes, pathBytes)).toString('utf8');
      const kind = header.readUInt8(0);
      if (kind === 0) {
        yield {
          kind: 'file',
          path: name,
          bytes,
          mediaType: mediaTypeOf(name),
          content: { [Symbol.asyncIterator]: () => parts(read, start, bytes) },
        };
        at = start + bytes;
      } else {
        yield refusal(kind, name, bytes);
        at = start;
      }
    }
  } finally {
    await file.close();
  }
}

function refusal(kind: number, path: string, count: number): ArtifactRefusal {
  const why = refusals[kind - 1] ?? 'UNREADABLE';
  return { kind: 'refused', path, why, message: refusalMessage(why, path, count) };
}

async function* parts(
  read: (position: number, length: number) => Promise<Buffer>,
  start: number,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < bytes;) {
    const part = await read(start + done, Math.min(partBytes, bytes - done));
    if (part.length === 0) throw new Error('The file of artifacts is shorter than it says.');
    yield part;
    done += part.length;
  }
}
