/** The spans of time by which usage is told, in UTC. Weeks begin on Monday. */
export const usageWindows = ['MINUTE', 'HOUR', 'DAY', 'WEEK', 'MONTH'] as const;
export type UsageWindow = (typeof usageWindows)[number];

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** The window that a moment lies in: it starts at or before the moment, and ends after it. */
export function windowAt(window: UsageWindow, moment: Date): { start: Date; end: Date } {
  const start = windowStart(window, moment);
  return { start, end: nextStart(window, start) };
}

/** A span widened to whole windows, and how many they are. */
export function wholeWindows(
  window: UsageWindow,
  { from, to }: { readonly from: Date; readonly to: Date },
): { start: Date; end: Date; count: number } {
  const { start } = windowAt(window, from);
  let end = start;
  let count = 0;
  while (end < to && count < countMax) {
    end = nextStart(window, end);
    count += 1;
  }
  return { start, end, count };
}

/** Where counting stops: nobody is shown as many. */
const countMax = 10_000;

function windowStart(window: UsageWindow, moment: Date): Date {
  const ms = moment.getTime();
  switch (window) {
    case 'MINUTE':
      return new Date(ms - modulo(ms, minuteMs));
    case 'HOUR':
      return new Date(ms - modulo(ms, hourMs));
    case 'DAY':
      return new Date(ms - modulo(ms, dayMs));
    case 'WEEK':
      // The first of January 1970 was a Thursday.
      return new Date(ms - modulo(ms + 3 * dayMs, 7 * dayMs));
    case 'MONTH':
      return new Date(Date.UTC(moment.getUTCFullYear(), moment.getUTCMonth(), 1));
  }
}

function nextStart(window: UsageWindow, start: Date): Date {
  const ms = start.getTime();
  switch (window) {
    case 'MINUTE':
      return new Date(ms + minuteMs);
    case 'HOUR':
      return new Date(ms + hourMs);
    case 'DAY':
      return new Date(ms + dayMs);
    case 'WEEK':
      return new Date(ms + 7 * dayMs);
    case 'MONTH':
      return new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1));
  }
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
