import { open } from 'node:fs/promises';
import { artifactLimits } from '../runner.ts';
import type { ArtifactEntry, ArtifactRefusal } from '../runner.ts';
import { codeOf } from './attempt-folder.ts';
import { mediaTypeOf } from './media-type.ts';

/** As they are numbered in `collect.pl`. */
const refusals: readonly { why: ArtifactRefusal['why']; message: string }[] = [
  { why: 'NOT_A_REGULAR_FILE', message: 'Only regular files are kept.' },
  { why: 'HARD_LINK', message: 'A file with a second name is not kept. Copy it instead.' },
  {
    why: 'UNSAFE_PATH',
    message: `A path must be UTF-8 of at most ${String(artifactLimits.pathBytesMax)} bytes without control characters and backslashes.`,
  },
  { why: 'TOO_DEEP', message: `Folders are kept ${String(artifactLimits.depthMax)} deep.` },
  { why: 'TOO_MANY_FILES', message: `At most ${String(artifactLimits.filesMax)} files are kept.` },
  {
    why: 'TOO_LARGE',
    message: `At most ${String(artifactLimits.bytesMax)} bytes are kept of a job; this file does not fit in.`,
  },
  { why: 'UNREADABLE', message: 'The file cannot be read.' },
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
          content: parts(read, start, bytes),
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
  const { why, message } = refusals[kind - 1] ?? { why: 'UNREADABLE', message: '' };
  // The one without a path stands for all that are not told one by one.
  const text = path === '' ? `${String(count)} more entries were not kept. ${message}` : message;
  return { kind: 'refused', path, why, message: text };
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
