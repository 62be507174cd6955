import { open } from 'node:fs/promises';
import { lineBytesMax } from '../runner.ts';
import type { Output, OutputGap, OutputLine, ReadBounds } from '../runner.ts';
import { codeOf } from './attempt-folder.ts';

/** As the supervisor writes it: see `output.pl`. */
const headerBytes = 16;
const readBytesMax = 1_048_576;
const lineFeed = 10;

interface Place {
  /** Where the frame begins that is read next. */
  readonly frame: number;
  /** How much of its text has been read. */
  readonly within: number;
}

/**
 * Reads lines from a file of frames, from a position on. `ended` says that the
 * file is complete; it has to be known before the file is read.
 *
 * A frame holds whole lines, so a position is a place in the file and nothing
 * else has to be remembered between two reads, or two processes.
 */
export async function readOutput(
  path: string,
  position: string,
  bounds: ReadBounds,
  ended: boolean,
): Promise<Output> {
  let place = parsePosition(position);
  const lines: OutputLine[] = [];
  let gap: OutputGap | undefined;
  let left = Math.max(bounds.bytesMax, 1);
  const file = await open(path, 'r').catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw cause;
  });
  try {
    while (file && !gap && left > 0 && lines.length < bounds.linesMax) {
      const found = await readFrames(file, place);
      if (found.frames.length === 0) return output(lines, undefined, place, false, ended);
      for (const frame of found.frames) {
        const taken = takeFrame(frame, place, lines, { linesMax: bounds.linesMax, bytesMax: left });
        place = taken.place;
        left -= taken.bytes;
        gap = taken.gap;
        if (gap || left <= 0 || lines.length >= bounds.linesMax) break;
      }
    }
    const size = (await file?.stat())?.size ?? 0;
    const more = size >= place.frame + headerBytes;
    return output(lines, gap, place, more, ended && !more);
  } finally {
    await file?.close();
  }
}

function output(
  lines: readonly OutputLine[],
  gap: OutputGap | undefined,
  place: Place,
  more: boolean,
  ended: boolean,
): Output {
  const position = `${String(place.frame)}+${String(place.within)}`;
  return { lines, ...(gap && { gap }), position, more, ended };
}

/** Where the file goes on for whoever has read up to a position. */
export function unreadFrom(position: string): number {
  return parsePosition(position).frame;
}

function parsePosition(position: string): Place {
  const [, frame, within] = /^([0-9]+)\+([0-9]+)$/.exec(position) ?? [];
  return { frame: Number(frame ?? 0), within: Number(within ?? 0) };
}

interface Frame {
  readonly start: number;
  readonly stream: number;
  readonly goesOn: boolean;
  readonly at: Date;
  readonly text: Buffer;
}

type Readable = Awaited<ReturnType<typeof open>>;

/** The next whole frames, at least one if there is one. What is half written is not there yet. */
async function readFrames(file: Readable, place: Place): Promise<{ frames: Frame[] }> {
  let chunk = await readChunk(file, place.frame, readBytesMax);
  if (chunk.length >= headerBytes && chunk.length < headerBytes + chunk.readUInt32LE(0)) {
    chunk = await readChunk(file, place.frame, headerBytes + chunk.readUInt32LE(0));
  }
  const frames: Frame[] = [];
  for (let at = 0; at + headerBytes <= chunk.length;) {
    const end = at + headerBytes + chunk.readUInt32LE(at);
    if (end > chunk.length) break;
    frames.push({
      start: place.frame + at,
      stream: chunk.readUInt8(at + 4),
      goesOn: chunk.readUInt8(at + 5) === 1,
      at: new Date(Number(chunk.readBigUInt64LE(at + 8))),
      text: chunk.subarray(at + headerBytes, end),
    });
    at = end;
  }
  return { frames };
}

async function readChunk(file: Readable, position: number, length: number): Promise<Buffer> {
  const chunk = Buffer.allocUnsafe(length);
  const { bytesRead } = await file.read(chunk, 0, length, position);
  return chunk.subarray(0, bytesRead);
}

/** Adds the lines of a frame that are not read yet, within the bounds, and says where that ends. */
function takeFrame(
  frame: Frame,
  place: Place,
  lines: OutputLine[],
  bounds: ReadBounds,
): { place: Place; bytes: number; gap?: OutputGap | undefined } {
  const next = { frame: frame.start + headerBytes + frame.text.length, within: 0 };
  if (frame.stream === 3) {
    const bytes = Number(frame.text.toString('latin1'));
    return { place: next, bytes: 0, gap: { at: frame.at, bytes, why: 'OUTPUT_LIMIT' } };
  }
  const { text, at } = frame;
  const stream = frame.stream === 1 ? 'stdout' : 'stderr';
  const from = frame.start === place.frame ? place.within : 0;
  let start = from;
  while (start < text.length) {
    if (lines.length >= bounds.linesMax || start - from >= bounds.bytesMax) {
      return { place: { frame: frame.start, within: start }, bytes: start - from };
    }
    const feed = text.indexOf(lineFeed, start);
    let end = feed < 0 ? text.length : feed;
    let truncated = feed < 0 && frame.goesOn;
    let step = 1;
    if (end - start > lineBytesMax) {
      end = cut(text, start + lineBytesMax);
      truncated = true;
      step = 0;
    }
    lines.push({ stream, at, text: wellFormed(text, start, end), truncated });
    start = end + step;
  }
  return { place: next, bytes: text.length - from };
}

/** The nearest place before that is not within a character. */
function cut(text: Buffer, at: number): number {
  for (let back = 0; back < 4; back += 1) {
    if (((text[at - back] ?? 0) & 0xc0) !== 0x80) return at - back;
  }
  return at;
}

function wellFormed(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  return text.includes('\u0000') ? text.replaceAll('\u0000', '\ufffd') : text;
}
