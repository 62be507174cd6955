import type { Tx } from '../../../shared/db.ts';
import type { Aggregation } from '../../domain/metering/meter.ts';
import type { UsageWindow } from '../../domain/metering/window.ts';
import type { MeterRow } from './rows.ts';

export interface UsageQuestion {
  readonly from: Date;
  readonly to: Date;
  /** Only of this subject. */
  readonly subject?: string | undefined;
  /** Members of the data that tell usage apart; each is one of the meter's. */
  readonly groupBy?: readonly string[] | undefined;
  /** Told apart by subject as well. */
  readonly bySubject?: boolean | undefined;
}

/** What was used in one window, of one group. */
export interface UsagePoint {
  readonly start: Date;
  readonly subject: string | null;
  readonly dims: Readonly<Record<string, string>>;
  /** A decimal, exact; null for an average, extreme or latest of nothing. */
  readonly value: string | null;
  readonly events: number;
}

interface PointRow {
  readonly start: Date;
  readonly subject: string | null;
  readonly dims: Readonly<Record<string, string>>;
  readonly value: string | null;
  readonly events: string;
}

type Meter = Pick<MeterRow, 'id' | 'aggregation'>;

/** The most points that one question is answered with. */
export const pointsMax = 5_000;

/**
 * What a meter counted, window by window; a window of no events is left out. The
 * question begins and ends with whole windows.
 */
export async function readSeries(
  tx: Tx,
  meter: Meter,
  window: UsageWindow,
  question: UsageQuestion,
): Promise<readonly UsagePoint[]> {
  const unit = window.toLowerCase();
  if (meter.aggregation === 'WEIGHTED_SUM') return readLevels(tx, meter, unit, question);
  const rows: PointRow[] = await tx.query(
    `select date_trunc($7, at, 'UTC') as start, ${grouping}, ${valueOf(meter.aggregation)} as value,
       ${eventsOf(meter.aggregation)} as events
     from ${factsOf(meter.aggregation)}
     where ($5::text is null or subject = $5)
     group by 1, 2, 3 order by 1, 2, 3 limit $8`,
    parameters(meter, unit, question),
  );
  return rows.map(pointOf);
}

/**
 * What a meter counted from one moment up to another, at any instant: what is
 * billed for a period. Zero for nothing, where the aggregation has a zero.
 */
export async function readQuantity(
  tx: Tx,
  meter: Meter,
  question: Pick<UsageQuestion, 'from' | 'to' | 'subject'>,
): Promise<string | null> {
  const { from, to } = question;
  if (meter.aggregation === 'WEIGHTED_SUM') {
    const [row]: { value: string | null }[] = await tx.query(
      `select trim_scale(coalesce(sum(
           (total * extract(epoch from $3::timestamptz) - moment) / extract(epoch from $3 - $2::timestamptz)
         ) filter (where at >= $2), 0) + coalesce(sum(total) filter (where at < $2), 0)) as value
       from (select * from usage_facts($1, '-infinity', $2, true)
         union all select * from usage_facts($1, $2, $3, true)) f
       where ($4::text is null or subject = $4)`,
      [meter.id, from, to, question.subject ?? null],
    );
    return row?.value ?? null;
  }
  const [row]: { value: string | null }[] = await tx.query(
    `select ${valueOf(meter.aggregation)} as value from ${factsOf(meter.aggregation)}
     where ($5::text is null or subject = $5)`,
    [meter.id, from, to, true, question.subject ?? null],
  );
  return row?.value ?? null;
}

const grouping = `case when $9::boolean then subject end as subject,
  (select coalesce(jsonb_object_agg(k, dims ->> k), '{}') from unnest($6::text[]) k) as dims`;

function parameters(meter: Meter, unit: string, question: UsageQuestion): unknown[] {
  const { from, to, subject, groupBy = [], bySubject = false } = question;
  const hourly = unit !== 'minute';
  return [meter.id, from, to, hourly, subject ?? null, groupBy, unit, pointsMax + 1, bySubject];
}

function factsOf(aggregation: Aggregation): string {
  return aggregation === 'UNIQUE' ? 'usage_values($1, $2, $3, $4)' : 'usage_facts($1, $2, $3, $4)';
}

function eventsOf(aggregation: Aggregation): string {
  return aggregation === 'UNIQUE' ? 'count(*)' : 'sum(events)';
}

/** How facts become one value. A decimal is told without zeros that say nothing. */
function valueOf(aggregation: Exclude<Aggregation, 'WEIGHTED_SUM'>): string {
  switch (aggregation) {
    case 'SUM':
      return 'trim_scale(coalesce(sum(total), 0))';
    case 'COUNT':
      return 'coalesce(sum(events), 0)';
    case 'AVG':
      return 'trim_scale(round(sum(total) / nullif(sum(events), 0), 12))';
    case 'MIN':
      return 'trim_scale(min(lowest))';
    case 'MAX':
      return 'trim_scale(max(highest))';
    case 'UNIQUE':
      return 'count(distinct value)';
    case 'LATEST':
      return 'trim_scale((array_agg(latest order by latest_time desc, latest_key desc))[1])';
  }
}

/** The average level in each window: what it began with, and each change for the time it was there. */
async function readLevels(
  tx: Tx,
  meter: Meter,
  unit: string,
  question: UsageQuestion,
): Promise<readonly UsagePoint[]> {
  const rows: PointRow[] = await tx.query(
    `with fact as (
       select greatest(at, $2) as at, at < $2 as before, total, moment, events, ${grouping}
       from (select * from usage_facts($1, '-infinity', $2, $4)
         union all select * from usage_facts($1, $2, $3, $4)) f
       where ($5::text is null or f.subject = $5)
     ), span as (
       select s as start, s + ('1 ' || $7)::interval as ends
       from generate_series($2::timestamptz, $3::timestamptz - interval '1 microsecond',
         ('1 ' || $7)::interval, 'UTC') s
     )
     select span.start, subject, dims,
       trim_scale(round(sum(case when before or at < span.start then total
         else (total * extract(epoch from span.ends) - moment)
           / extract(epoch from span.ends - span.start) end), 12)) as value,
       coalesce(sum(events) filter (where not before and at >= span.start), 0) as events
     from span join fact on fact.at < span.ends
     group by 1, 2, 3 order by 1, 2, 3 limit $8`,
    parameters(meter, unit, question),
  );
  return rows.map(pointOf);
}

function pointOf({ start, subject, dims, value, events }: PointRow): UsagePoint {
  return { start, subject, dims, value, events: Number(events) };
}
