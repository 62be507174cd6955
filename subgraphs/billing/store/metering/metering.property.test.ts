import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { BillingUnderTest } from '../../fixtures/billing.ts';
import { openBilling } from '../../fixtures/billing.ts';
import type { Aggregation } from '../../domain/metering/meter.ts';
import { aggregations } from '../../domain/metering/meter.ts';
import { billingActor } from '../actor.ts';
import { amendUsage } from './amend.ts';
import { ingestUsage } from './ingest.ts';
import { insertMeter } from './meters.ts';
import type { MeterRow } from './rows.ts';
import { readQuantity, readSeries } from './usage.ts';

let billing: BillingUnderTest;
beforeAll(async () => {
  billing = await openBilling();
});
afterAll(() => billing.close());

const at = new Date('2026-05-10T00:00:00Z');
const day = { from: new Date('2026-05-05T00:00:00Z'), to: new Date('2026-05-06T00:00:00Z') };
const minuteMs = 60_000;
let tenants = 0;

interface Sent {
  readonly id: string;
  readonly source: string;
  readonly subject: string;
  readonly time: string;
  readonly data: { readonly value: number; readonly model: string };
}

const event = fc
  .record({
    n: fc.integer({ min: 0, max: 400 }),
    source: fc.constantFrom('a', 'b'),
    subject: fc.constantFrom('s1', 's2'),
    minute: fc.integer({ min: 0, max: 24 * 60 - 1 }),
    value: fc.integer({ min: -50, max: 500 }),
    model: fc.constantFrom('x', 'y'),
  })
  .map(({ n, source, subject, minute, value, model }): Sent => ({
    id: `e${String(n)}`,
    source,
    subject,
    time: new Date(day.from.getTime() + minute * minuteMs).toISOString(),
    data: { value, model },
  }));
const events = fc.uniqueArray(event, {
  selector: ({ source, id }) => `${source}/${id}`,
  maxLength: 40,
});

const cloudEvent = (sent: Sent) => ({ specversion: '1.0', type: 'used', ...sent });

async function openTenant(): Promise<{ tenant: string; meters: readonly MeterRow[] }> {
  const tenant = `usage-${String(++tenants)}`;
  const meters = [];
  for (const aggregation of aggregations) {
    const draft = {
      slug: aggregation.toLowerCase(),
      name: aggregation,
      eventType: 'used',
      aggregation,
      valueProperty: aggregation === 'COUNT' ? null : 'value',
      groupBy: ['model'],
      unit: 'thing',
    };
    const meter = await billing.db.tx(tenant, (tx) => insertMeter(tx, draft, at));
    if (meter) meters.push(meter);
  }
  return { tenant, meters };
}

const ingest = (tenant: string, sent: readonly Sent[]) =>
  billing.db.tx(tenant, (tx) =>
    ingestUsage(tx, { events: sent.map(cloudEvent), actor: billingActor, at }),
  );

/** What a meter should say, worked out from the events themselves. */
function expected(
  aggregation: Aggregation,
  sent: readonly Sent[],
  { from, to }: { from: Date; to: Date },
): number | null {
  const time = (one: Sent) => new Date(one.time).getTime();
  const within = sent.filter((one) => time(one) >= from.getTime() && time(one) < to.getTime());
  const values = within.map(({ data }) => data.value);
  const sum = values.reduce((total, value) => total + value, 0);
  switch (aggregation) {
    case 'SUM':
      return sum;
    case 'COUNT':
      return values.length;
    case 'AVG':
      return values.length === 0 ? null : sum / values.length;
    case 'MIN':
      return values.length === 0 ? null : Math.min(...values);
    case 'MAX':
      return values.length === 0 ? null : Math.max(...values);
    case 'UNIQUE':
      return new Set(values).size;
    case 'LATEST': {
      const key = (one: Sent) => `${one.time} ${one.source} ${one.id}`;
      const latest = [...within].sort((a, b) => (key(a) < key(b) ? 1 : -1))[0];
      return latest ? latest.data.value : null;
    }
    case 'WEIGHTED_SUM': {
      const before = sent.filter((one) => time(one) < from.getTime());
      const level = before.reduce((total, { data }) => total + data.value, 0);
      const changes = within.map(
        (one) => (one.data.value * (to.getTime() - time(one))) / (to.getTime() - from.getTime()),
      );
      return level + changes.reduce((total, change) => total + change, 0);
    }
  }
}

async function check(
  tenant: string,
  meters: readonly MeterRow[],
  sent: readonly Sent[],
  span: { from: Date; to: Date },
): Promise<void> {
  for (const meter of meters) {
    const told = await billing.db.tx(tenant, (tx) => readQuantity(tx, meter, span));
    const right = expected(meter.aggregation, sent, span);
    const what = { meter: meter.slug, told: told === null ? null : Number(told) };
    if (right === null) expect(what).toEqual({ meter: meter.slug, told: null });
    else expect(what).toEqual({ meter: meter.slug, told: expect.closeTo(right, 6) });
  }
}

/** An instant of the day, on no hour in particular. */
const instant = fc
  .integer({ min: 1, max: 24 * 3600 - 1 })
  .map((second) => new Date(day.from.getTime() + second * 1_000));
const runs = { numRuns: 20 };

describe('usage', () => {
  it('counts each event once, whoever sends it again, at once, in whatever order and batches', async () => {
    await fc.assert(
      fc.asyncProperty(events, fc.integer({ min: 1, max: 7 }), async (sent, size) => {
        const { tenant, meters } = await openTenant();
        const clients = [sent, [...sent].reverse(), [...sent.slice(3), ...sent.slice(0, 3)]];
        const results = await Promise.all(
          clients.map(async (mine) => {
            const told = [];
            for (let n = 0; n < mine.length; n += size) {
              told.push(...(await ingest(tenant, mine.slice(n, n + size))));
            }
            return told;
          }),
        );
        const statuses = results.flat().map(({ status }) => status);
        expect(statuses.filter((status) => status === 'ACCEPTED')).toHaveLength(sent.length);
        expect(statuses.filter((status) => status === 'DUPLICATE')).toHaveLength(2 * sent.length);
        await check(tenant, meters, sent, day);
      }),
      runs,
    );
  });

  it('is the same split at any instant, and told window by window', async () => {
    await fc.assert(
      fc.asyncProperty(events, instant, async (sent, middle) => {
        const { tenant, meters } = await openTenant();
        await ingest(tenant, sent);
        await check(tenant, meters, sent, { from: day.from, to: middle });
        await check(tenant, meters, sent, { from: middle, to: day.to });
        for (const meter of meters) {
          for (const window of ['MINUTE', 'HOUR', 'DAY'] as const) {
            const points = await billing.db.tx(tenant, (tx) => readSeries(tx, meter, window, day));
            const ms = { MINUTE: minuteMs, HOUR: 60 * minuteMs, DAY: 24 * 60 * minuteMs }[window];
            for (const { start, value } of points) {
              const span = { from: start, to: new Date(start.getTime() + ms) };
              const right = expected(meter.aggregation, sent, span);
              expect({ start, window, slug: meter.slug, value: Number(value) }).toEqual({
                ...{ start, window, slug: meter.slug },
                value: expect.closeTo(right ?? NaN, 6),
              });
            }
          }
        }
      }),
      { numRuns: 10 },
    );
  });

  it('is as if an event had been otherwise, or had not been, once that is said of it', async () => {
    await fc.assert(
      fc.asyncProperty(
        events.filter((sent) => sent.length > 1),
        fc.integer({ min: -50, max: 500 }),
        async (sent, value) => {
          const { tenant, meters } = await openTenant();
          await ingest(tenant, sent);
          const [voided, corrected, ...rest] = sent;
          const amend = (one: Sent | undefined, data: Sent['data'] | null) =>
            billing.db.tx(tenant, (tx) =>
              amendUsage(tx, {
                source: one?.source ?? '',
                id: one?.id ?? '',
                ...{ data, reason: 'test', actor: billingActor, at },
              }),
            );
          await amend(voided, null);
          await amend(corrected, { value, model: 'x' });
          const now = corrected ? [...rest, { ...corrected, data: { value, model: 'x' } }] : rest;
          await check(tenant, meters, now, day);
          const kept = await billing.rows(tenant, 'select * from usage_event');
          expect(kept).toHaveLength(sent.length);
        },
      ),
      runs,
    );
  });

  it('is counted by a meter that is made later as by one that was there', async () => {
    await fc.assert(
      fc.asyncProperty(events, async (sent) => {
        const tenant = `usage-${String(++tenants)}`;
        await ingest(tenant, sent);
        const { meters } = await openTenantLater(tenant);
        await check(tenant, meters, sent, day);
      }),
      { numRuns: 10 },
    );
  });

  async function openTenantLater(tenant: string) {
    const draft = { name: 'm', eventType: 'used', groupBy: [], unit: 'thing' };
    const meters = [];
    for (const aggregation of aggregations) {
      const valueProperty = aggregation === 'COUNT' ? null : 'value';
      const made = await billing.db.tx(tenant, (tx) =>
        insertMeter(
          tx,
          { ...draft, slug: aggregation.toLowerCase(), aggregation, valueProperty },
          at,
        ),
      );
      if (made) meters.push(made);
    }
    return { meters };
  }
});

describe('an event under a name that another has', () => {
  const first: Sent = {
    id: 'e1',
    source: 'a',
    subject: 's1',
    time: '2026-05-05T10:00:00.000Z',
    data: { value: 5, model: 'x' },
  };
  const other = { ...first, data: { value: 6, model: 'x' } };

  it('is a conflict; the first one stays, and somebody is told', async () => {
    const { tenant, meters } = await openTenant();
    await ingest(tenant, [first]);
    expect(await ingest(tenant, [other])).toMatchObject([{ status: 'CONFLICT', id: 'e1' }]);
    await check(tenant, meters, [first], day);
    const told = await billing.published(tenant, 'audit.recorded', 'e1');
    expect(told).toMatchObject([{ action: 'usage.contradicted', outcome: 'failure' }]);
  });

  it('is a conflict in one batch as well, the first of the batch staying', async () => {
    const { tenant, meters } = await openTenant();
    const results = await ingest(tenant, [first, other, first]);
    expect(results.map(({ status }) => status)).toEqual(['ACCEPTED', 'CONFLICT', 'DUPLICATE']);
    await check(tenant, meters, [first], day);
  });

  it('is another event for another tenant', async () => {
    const [mine, theirs] = [await openTenant(), await openTenant()];
    await ingest(mine.tenant, [first]);
    expect(await ingest(theirs.tenant, [other])).toMatchObject([{ status: 'ACCEPTED' }]);
    await check(mine.tenant, mine.meters, [first], day);
    await check(theirs.tenant, theirs.meters, [other], day);
  });
});

describe('an event that cannot be counted', () => {
  it('is rejected by itself, with the reason, and the rest of its batch is taken', async () => {
    const { tenant, meters } = await openTenant();
    const good: Sent = {
      id: 'e1',
      source: 'a',
      subject: 's1',
      time: '2026-05-05T10:00:00.000Z',
      data: { value: 5, model: 'x' },
    };
    const results = await billing.db.tx(tenant, (tx) =>
      ingestUsage(tx, {
        events: [
          { ...cloudEvent(good), id: 'e2', data: { value: 'many' } },
          cloudEvent(good),
          { ...cloudEvent(good), specversion: '0.3' },
          null,
        ],
        actor: billingActor,
        at,
      }),
    );
    expect(results.map(({ status }) => status)).toEqual([
      'REJECTED',
      'ACCEPTED',
      'REJECTED',
      'REJECTED',
    ]);
    expect(results[0]?.reason).toContain('finds no value in "value"');
    await check(tenant, meters, [good], day);
  });
});
