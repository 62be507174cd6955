import type { UsageEvent } from './cloud-event.ts';

/**
 * How the events of a meter become one number. AVG, MIN and MAX of nothing is
 * nothing. LATEST is that of the latest time, and of one time that of the
 * greatest source and id. UNIQUE counts different values. WEIGHTED_SUM takes each
 * value for a change of a level, and gives the level's average over time.
 */
export const aggregations = [
  'SUM',
  'COUNT',
  'AVG',
  'MIN',
  'MAX',
  'UNIQUE',
  'LATEST',
  'WEIGHTED_SUM',
] as const;
export type Aggregation = (typeof aggregations)[number];

export interface MeterDraft {
  /** The name programs know it by. */
  readonly slug: string;
  readonly name: string;
  /** Counts the events of this type. */
  readonly eventType: string;
  readonly aggregation: Aggregation;
  /** The member of an event's data that is counted. COUNT has none. */
  readonly valueProperty: string | null;
  /** Members of an event's data by which usage can be told apart. */
  readonly groupBy: readonly string[];
  /** What one of it is called, as in `token` or `GiB`. */
  readonly unit: string;
}

export interface MeterProblem {
  readonly field: keyof MeterDraft;
  readonly message: string;
}

const slugPattern = /^[a-z][a-z0-9]*([-_][a-z0-9]+)*$/;
const propertyPattern = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;
const groupByMax = 5;
const textLengthMax = 256;

/** Says everything that is wrong with a meter; nothing for one that can be made. */
export function meterProblems(draft: MeterDraft): readonly MeterProblem[] {
  const { slug, name, eventType, aggregation, valueProperty, groupBy, unit } = draft;
  const problems: (MeterProblem | false)[] = [
    (!slugPattern.test(slug) || slug.length > 64) && {
      field: 'slug',
      message: 'must be lower-case words joined by "-" or "_", at most 64 characters',
    },
    !isText(name) && { field: 'name', message: textRule },
    !isText(eventType) && { field: 'eventType', message: textRule },
    !isText(unit) && { field: 'unit', message: textRule },
    aggregation === 'COUNT' &&
      valueProperty !== null && { field: 'valueProperty', message: 'has no meaning for COUNT' },
    aggregation !== 'COUNT' &&
      (valueProperty === null || !propertyPattern.test(valueProperty)) && {
        field: 'valueProperty',
        message: 'must name the member of the data that is counted',
      },
    (groupBy.length > groupByMax ||
      new Set(groupBy).size !== groupBy.length ||
      groupBy.some((property) => !propertyPattern.test(property))) && {
      field: 'groupBy',
      message: `must be at most ${String(groupByMax)} different members of the data`,
    },
  ];
  return problems.filter((problem) => problem !== false);
}

const textRule = `must have 1 to ${String(textLengthMax)} characters`;

function isText(text: string): boolean {
  return (
    text !== '' && text.length <= textLengthMax && text.isWellFormed() && !text.includes('\u0000')
  );
}

/**
 * Whether a meter can count an event: it has the value the meter looks for, as a
 * number or as a decimal text, which is exact at any length. The database reads
 * values by the same rule.
 */
export function canMeasure(
  { aggregation, valueProperty }: Pick<MeterDraft, 'aggregation' | 'valueProperty'>,
  { data }: Pick<UsageEvent, 'data'>,
): boolean {
  if (aggregation === 'COUNT' || valueProperty === null) return true;
  const value = Object.hasOwn(data, valueProperty) ? data[valueProperty] : undefined;
  if (aggregation === 'UNIQUE') {
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  }
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'string' && decimalPattern.test(value);
}

const decimalPattern = /^-?\d{1,30}(\.\d{1,18})?$/;
