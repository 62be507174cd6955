import type { OutputGap, OutputLine } from '../runner.ts';
import type { LogPiece } from './log-pieces.ts';
import { dateOf } from './log-place.ts';

/** What a piece of a container's log says. */
export type Frame =
  | { readonly kind: 'line'; readonly line: OutputLine; readonly bytes: number }
  | { readonly kind: 'gap'; readonly gap: OutputGap }
  /** All that the program printed has been told. */
  | { readonly kind: 'end' };

/**
 * Reads what the wrapper writes (see wrapper/forge-run.pl). A line that is no
 * frame was written past it, and is standard output as it is: so is every line
 * where there is no wrapper.
 */
export function frameOf(piece: LogPiece, isWrapped: boolean): Frame {
  const at = dateOf(piece.nanos);
  const letter = isWrapped ? letterOf(piece) : undefined;
  const bytes = letter !== undefined && piece.offset === 0 ? piece.bytes.subarray(2) : piece.bytes;
  const text = bytes.toString('utf8').replaceAll('\u0000', '\ufffd');
  switch (letter) {
    case 'x':
      return { kind: 'end' };
    case 'g':
      return { kind: 'gap', gap: { at, bytes: Number(text), why: 'OUTPUT_LIMIT' } };
    default: {
      const stream = letter === 'e' || letter === 'E' ? 'stderr' : 'stdout';
      const truncated = !piece.endsLine || letter === 'O' || letter === 'E';
      return { kind: 'line', line: { stream, at, text, truncated }, bytes: bytes.length };
    }
  }
}

function letterOf({ lead, endsLine, bytes, offset }: LogPiece): string | undefined {
  if (lead === 'x' && endsLine && offset === 0 && bytes.length === 1) return 'x';
  return /^[oeOEg] $/.test(lead) ? lead.charAt(0) : undefined;
}
