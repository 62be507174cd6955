/** Plain data of an event, as JSON has it. */
export type EventData = Readonly<Record<string, unknown>>;

/** A usage event as it is counted: what its producer said, with the defaults filled in. */
export interface UsageEvent {
  readonly source: string;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly time: Date;
  readonly data: EventData;
}

export type EventDecision =
  | { readonly kind: 'event'; readonly event: UsageEvent }
  | { readonly kind: 'rejected'; readonly reason: string };

/**
 * Reads an event in the JSON format of CloudEvents 1.0 and says what is wrong
 * with one that cannot be counted.
 *
 * Source and id together name it for ever. An event without a time happened when
 * it came; one from the past is welcome however late, one from more than a day
 * ahead is not. Attributes we know nothing of are allowed and mean nothing.
 * Source: CloudEvents 1.0.2, sections 3.1 and JSON format 3.
 */
export function readCloudEvent(value: unknown, receivedAt: Date): EventDecision {
  if (!isObject(value)) return rejected('An event is a JSON object.');
  const { specversion, id, source, type, subject = '', time, data = {}, datacontenttype } = value;
  if (specversion !== '1.0') return rejected('"specversion" must be "1.0".');
  if (!isName(id)) return rejected(`"id" ${nameRule}`);
  if (!isName(source)) return rejected(`"source" ${nameRule}`);
  if (!isName(type)) return rejected(`"type" ${nameRule}`);
  if (subject !== '' && !isName(subject)) return rejected(`"subject" ${nameRule}`);
  if (!isJsonType(datacontenttype)) return rejected('"datacontenttype" must be JSON.');
  if (!isObject(data)) return rejected('"data" must be a JSON object.');
  const problem = problemOfData(data);
  if (problem !== undefined) return rejected(problem);
  const at = time === undefined ? receivedAt : readTime(time);
  if (!at) return rejected('"time" must be a moment as RFC 3339 writes it.');
  if (at.getTime() > receivedAt.getTime() + aheadMsMax) {
    return rejected('"time" is more than a day ahead.');
  }
  if (at.getTime() < earliestMs) return rejected('"time" is before the year 2000.');
  return { kind: 'event', event: { source, id, type, subject, time: at, data } };
}

const nameLengthMax = 256;
const nameRule = `must be a text of 1 to ${String(nameLengthMax)} characters.`;
const dataLengthMax = 16_384;
const dataDepthMax = 8;
const aheadMsMax = 86_400_000;
const earliestMs = Date.UTC(2000, 0, 1);
const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;

function rejected(reason: string): EventDecision {
  return { kind: 'rejected', reason };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isName(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= nameLengthMax &&
    value.isWellFormed() &&
    !value.includes('\u0000')
  );
}

function isJsonType(value: unknown): boolean {
  return (
    value === undefined ||
    (typeof value === 'string' && /^[\w.+-]+\/([\w.-]+\+)?json\b/i.test(value))
  );
}

function problemOfData(data: EventData): string | undefined {
  if (depthOf(data) > dataDepthMax) return `"data" is deeper than ${String(dataDepthMax)} levels.`;
  const text = JSON.stringify(data);
  if (text.length > dataLengthMax) {
    return `"data" is longer than ${String(dataLengthMax)} characters.`;
  }
  if (text.includes('\\u0000') || !text.isWellFormed()) {
    return '"data" contains characters that cannot be stored.';
  }
  return undefined;
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let deepest = 0;
  for (const inner of Object.values(value)) deepest = Math.max(deepest, depthOf(inner));
  return deepest + 1;
}

function readTime(value: unknown): Date | undefined {
  if (typeof value !== 'string' || !timePattern.test(value)) return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
