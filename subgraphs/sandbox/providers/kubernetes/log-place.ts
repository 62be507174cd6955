/**
 * A place in the log of a container, between two lines or within one.
 *
 * A kubelet can be asked from a second on, not from a line on. So a place is
 * the stamp of a line, how many lines of that stamp come before it, and how
 * many bytes of the next one: the same for whoever reads the same log, however
 * often and from wherever.
 */
export interface LogPlace {
  /** Nanoseconds since 1970. */
  readonly nanos: bigint;
  readonly count: number;
  readonly within: number;
}

/** Before the first line. */
export const logStart: LogPlace = { nanos: 0n, count: 0, within: 0 };

export function positionOf({ nanos, count, within }: LogPlace): string {
  if (nanos === 0n) return '';
  return `${nanos}.${count}.${within}`;
}

export function placeAt(position: string): LogPlace {
  const [, nanos, count, within] = /^([0-9]{1,20})[.]([0-9]+)[.]([0-9]+)/.exec(position) ?? [];
  if (nanos === undefined) return logStart;
  return { nanos: BigInt(nanos), count: Number(count), within: Number(within) };
}

/** What to ask a kubelet for: it cuts to whole seconds in any case. */
export function sinceTimeOf({ nanos }: LogPlace): string | undefined {
  if (nanos === 0n) return undefined;
  return dateOf(nanos - (nanos % 1_000_000_000n))
    .toISOString()
    .replace('.000Z', 'Z');
}

export function dateOf(nanos: bigint): Date {
  return new Date(Number(nanos / 1_000_000n));
}

const stampPattern =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.]([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})$/;

/** Reads a stamp, which a node may write in its own time zone and without the zeros at its end. */
export function nanosOf(stamp: string): bigint | undefined {
  const [, seconds, fraction = '', zone = 'Z'] = stampPattern.exec(stamp) ?? [];
  const ms = seconds === undefined ? NaN : Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
