import type { LogPiece } from './log-pieces.ts';
import { placeAfter } from './log-pieces.ts';
import type { LogPlace } from './log-place.ts';

/** A part of the log that nobody can give any more: it was rotated away. */
export interface LogHole {
  readonly kind: 'hole';
  /** The stamp of the first line behind it. */
  readonly nanos: bigint;
  /** Reading goes on here. */
  readonly place: LogPlace;
}

export type LogPart =
  { readonly kind: 'piece'; readonly piece: LogPiece; readonly place: LogPlace } | LogHole;

/**
 * Gives of an answer what comes after a place. The answer begins up to a second
 * before it: lines that are older are skipped, and as many of its own stamp as
 * were read. Where neither is in the answer, something is missing, and that is said.
 */
export class LogResume {
  readonly #from: LogPlace;
  #isJoined: boolean;
  #seenAtStamp = 0;

  constructor(from: LogPlace) {
    this.#from = from;
    this.#isJoined = from.nanos === 0n;
  }

  *take(piece: LogPiece): Generator<LogPart> {
    const { nanos, count, within } = this.#from;
    if (piece.nanos < nanos) {
      this.#isJoined = true;
      return;
    }
    if (piece.nanos > nanos) {
      if (!this.#isJoined && this.#seenAtStamp < Math.max(count, 1)) yield hole(piece);
      this.#isJoined = true;
      yield part(piece);
      return;
    }
    if (piece.endsLine) this.#seenAtStamp = piece.index + 1;
    if (piece.index < count) return;
    const skip = piece.index === count ? Math.max(0, within - piece.offset) : 0;
    const isRead = skip > piece.bytes.length || (skip === piece.bytes.length && !piece.endsLine);
    if (isRead) return;
    if (skip === 0) yield part(piece);
    else {
      const bytes = piece.bytes.subarray(skip);
      yield part({ ...piece, bytes, offset: piece.offset + skip });
    }
  }
}

function part(piece: LogPiece): LogPart {
  return { kind: 'piece', piece, place: placeAfter(piece) };
}

function hole({ nanos }: LogPiece): LogHole {
  return { kind: 'hole', nanos, place: { nanos, count: 0, within: 0 } };
}
