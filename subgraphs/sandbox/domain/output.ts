import type { Progress } from './progress.ts';
import { parseProgress } from './progress.ts';

export type LogStream = 'stdout' | 'stderr';

/** A line of output as it is kept. */
export interface LogLine {
  readonly stream: LogStream;
  readonly at: Date;
  readonly text: string;
  /** The line goes on in the next one of its stream. */
  readonly truncated: boolean;
}

/** What follows from a piece of output, in its order. */
export type OutputPart =
  | { readonly kind: 'lines'; readonly lines: readonly LogLine[] }
  | { readonly kind: 'progress'; readonly progress: Progress };

/** The text of one chunk, at most. A line alone is never more. */
export const chunkBytesMax = 64 * 1_024;
export const chunkLinesMax = 2_000;
/** How long output may wait to be written together with what follows it. */
export const chunkDelayMs = 250;

/**
 * How much progress is told of one read. What is overtaken at once is of little
 * use, and a program that reports without end must not fill the log of events.
 */
export const progressMax = 50;

/**
 * Parts output into chunks of lines and reports of progress.
 *
 * The order stays, and every line is either kept or a report of progress. Of
 * more reports than `progressMax` the first ones and the last are told.
 */
export function partOutput(lines: readonly LogLine[]): readonly OutputPart[] {
  const parts: OutputPart[] = [];
  let chunk: LogLine[] = [];
  let bytes = 0;
  const close = (): void => {
    if (chunk.length > 0) parts.push({ kind: 'lines', lines: chunk });
    [chunk, bytes] = [[], 0];
  };
  for (const [index, line] of lines.entries()) {
    const progress = progressIn(line, lines[index - 1]);
    if (progress) {
      close();
      parts.push({ kind: 'progress', progress });
      continue;
    }
    const size = Buffer.byteLength(line.text);
    if (bytes + size > chunkBytesMax || chunk.length >= chunkLinesMax) close();
    chunk.push(line);
    bytes += size;
  }
  close();
  return withoutFlood(parts);
}

function progressIn(line: LogLine, before: LogLine | undefined): Progress | undefined {
  const isPiece = line.truncated || (before?.truncated === true && before.stream === line.stream);
  return line.stream === 'stdout' && !isPiece ? parseProgress(line.text) : undefined;
}

function withoutFlood(parts: readonly OutputPart[]): readonly OutputPart[] {
  const reports = parts.filter(({ kind }) => kind === 'progress');
  if (reports.length <= progressMax) return parts;
  const told = new Set([...reports.slice(0, progressMax - 1), reports.at(-1)]);
  return parts.filter((part) => part.kind !== 'progress' || told.has(part));
}
