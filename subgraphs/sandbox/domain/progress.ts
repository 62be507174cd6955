/** How far a program says it is. */
export interface Progress {
  readonly percent: number;
  readonly message: string | null;
}

export const progressMessageBytesMax = 1_024;
const marker = '::progress ';
/** Enough for a message of which every character is escaped. */
const lineLengthMax = marker.length + 8 * progressMessageBytesMax;

/**
 * Reads a line of standard output that reports progress:
 *
 *     ::progress {"percent":40,"message":"half"}
 *
 * Anything that is not exactly that is a line of the log: a program that only
 * looks as if it reported progress loses nothing of what it printed.
 */
export function parseProgress(line: string): Progress | undefined {
  if (!line.startsWith(marker) || line.length > lineLengthMax) return undefined;
  const report = parseObject(line.slice(marker.length));
  if (!report) return undefined;
  const { percent, message = null, ...others } = report;
  if (Object.keys(others).length > 0) return undefined;
  if (typeof percent !== 'number' || !(percent >= 0 && percent <= 100)) return undefined;
  if (message !== null && !isMessage(message)) return undefined;
  return { percent, message };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** A text that is short enough and that every store and client can keep as it is. */
function isMessage(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    Buffer.byteLength(value) <= progressMessageBytesMax &&
    value.isWellFormed() &&
    !value.includes('\u0000')
  );
}
