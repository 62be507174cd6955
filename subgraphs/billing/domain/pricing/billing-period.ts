/** How often is billed. */
export const billingIntervals = ['DAY', 'WEEK', 'MONTH', 'YEAR'] as const;
export type BillingInterval = (typeof billingIntervals)[number];

export interface BillingAnchor {
  /** When the first period begins. */
  readonly start: Date;
  readonly interval: BillingInterval;
  readonly count: number;
  /** IANA, as in Europe/Berlin: days and months are those of the people who live there. */
  readonly timeZone: string;
}

export interface Period {
  readonly index: number;
  readonly from: Date;
  readonly to: Date;
}

/**
 * The n-th period from an anchor, from 0 on. Each begins when the one before ends.
 *
 * The clock on the wall stays the same through changes of it. A month without the
 * anchor's day ends on its last, and the next one has the day again: from the 31st
 * of January to the 28th of February to the 31st of March. An hour that the clock
 * leaves out begins when it goes on; of one that comes twice, it is the first.
 */
export function periodAt(anchor: BillingAnchor, index: number): Period {
  return { index, from: startOf(anchor, index), to: startOf(anchor, index + 1) };
}

/** The period that a moment lies in; the first one for any moment before. */
export function periodOf(anchor: BillingAnchor, moment: Date): Period {
  const elapsed = moment.getTime() - anchor.start.getTime();
  // Never too far, since no interval is as long as this says.
  let index = Math.max(0, Math.floor(elapsed / (longestMs[anchor.interval] * anchor.count)) - 1);
  let period = periodAt(anchor, index);
  while (period.to <= moment) period = periodAt(anchor, (index += 1));
  return period;
}

/** Whether there is such a time zone. */
export function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

const dayMs = 86_400_000;
const longestMs: Record<BillingInterval, number> = {
  DAY: 26 * 3_600_000,
  WEEK: 7 * dayMs + 7_200_000,
  MONTH: 31 * dayMs + 7_200_000,
  YEAR: 366 * dayMs + 7_200_000,
};

interface WallClock {
  readonly year: number;
  /** From 0 on. */
  readonly month: number;
  readonly day: number;
  /** Since midnight. */
  readonly ms: number;
}

function startOf({ start, interval, count, timeZone }: BillingAnchor, index: number): Date {
  if (index === 0) return start;
  const steps = index * count;
  const { year, month, day, ms } = wallClockAt(start, timeZone);
  switch (interval) {
    case 'DAY':
      return instantOf({ year, month, day: day + steps, ms }, timeZone);
    case 'WEEK':
      return instantOf({ year, month, day: day + 7 * steps, ms }, timeZone);
    case 'MONTH':
      return instantOf(inMonth(year, month + steps, day, ms), timeZone);
    case 'YEAR':
      return instantOf(inMonth(year + steps, month, day, ms), timeZone);
  }
}

function inMonth(year: number, month: number, day: number, ms: number): WallClock {
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return { year, month, day: Math.min(day, lastDay), ms };
}

function wallClockAt(moment: Date, timeZone: string): WallClock {
  const local = new Date(moment.getTime() + offsetMs(moment.getTime(), timeZone));
  const [year, month, day] = [local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate()];
  return { year, month, day, ms: local.getTime() - Date.UTC(year, month, day) };
}

function instantOf({ year, month, day, ms }: WallClock, timeZone: string): Date {
  const asUtc = Date.UTC(year, month, day) + ms;
  const [before, after] = [offsetMs(asUtc - dayMs, timeZone), offsetMs(asUtc + dayMs, timeZone)];
  const fitting = [asUtc - before, asUtc - after].filter(
    (moment) => moment + offsetMs(moment, timeZone) === asUtc,
  );
  return new Date(fitting.length > 0 ? Math.min(...fitting) : asUtc - before);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** How far the clocks of a zone are ahead of UTC at a moment. */
function offsetMs(moment: number, timeZone: string): number {
  const format = formats.get(timeZone) ?? formatOf(timeZone);
  formats.set(timeZone, format);
  const parts = Object.fromEntries(
    format.formatToParts(moment).map(({ type, value }) => [type, Number(value)]),
  );
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  const local = Date.UTC(year, month - 1, day, hour, minute, second);
  return local - Math.floor(moment / 1_000) * 1_000;
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
}
