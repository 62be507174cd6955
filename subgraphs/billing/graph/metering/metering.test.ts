import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BillingUnderTest } from '../../fixtures/billing.ts';
import { openBilling } from '../../fixtures/billing.ts';

let billing: BillingUnderTest;
beforeAll(async () => {
  billing = await openBilling();
});
afterAll(() => billing.close());

let keys = 0;
const key = () => `key-${String(++keys)}`;

async function asked(tenant: string, query: string, input: object = {}): Promise<unknown> {
  const { data, errors } = await billing.ask({ tenant }, query, {
    input: { idempotencyKey: key(), ...input },
  });
  expect(errors).toBeUndefined();
  return Object.values(data ?? {})[0];
}

const createMeter = `mutation ($input: CreateMeterInput!) { createMeter(input: $input) { __typename
  ... on CreateMeterSuccess { replayed meter { id slug createdAt archivedAt } }
  ... on MeterInvalid { code problems { field } } ... on Refusal { message } } }`;
const ingest = `mutation ($input: IngestUsageEventsInput!) { ingestUsageEvents(input: $input) { __typename
  ... on IngestUsageEventsSuccess { accepted duplicates conflicts rejected replayed results { id status } }
  ... on UsageEventsRefused { results { status reason } } ... on Refusal { code } } }`;
const usage = `query ($input: UsageInput!) { usage(input: $input) { from to
  points { start end value events subject dimensions } } }`;

const tokens = {
  slug: 'tokens',
  name: 'Tokens',
  eventType: 'llm.used',
  aggregation: 'SUM',
  valueProperty: 'tokens',
  groupBy: ['model'],
  unit: 'token',
};

async function meterOf(tenant: string, draft: object = tokens): Promise<string> {
  const made = await asked(tenant, createMeter, draft);
  return (made as { meter: { id: string } }).meter.id;
}

const event = (id: string, count: number, change: object = {}) => ({
  id,
  source: '/app',
  type: 'llm.used',
  subject: 'job_1',
  time: '2026-05-04T10:20:00Z',
  data: { tokens: count, model: 'large' },
  ...change,
});

async function points(tenant: string, meterId: string, more: object = {}): Promise<unknown[]> {
  const { data, errors } = await billing.ask({ tenant }, usage, {
    input: {
      meterId,
      from: '2026-05-04T00:00:00Z',
      to: '2026-05-05T00:00:00Z',
      window: 'DAY',
      ...more,
    },
  });
  expect(errors).toBeUndefined();
  return (data as { usage: { points: unknown[] } }).usage.points;
}

describe('a meter', () => {
  it('is made once for a key, and refused with everything that is wrong', async () => {
    const idempotencyKey = key();
    const first = await asked('meters', createMeter, { ...tokens, idempotencyKey });
    const again = await asked('meters', createMeter, { ...tokens, idempotencyKey });
    expect(first).toMatchObject({ replayed: false, meter: { slug: 'tokens' } });
    expect(again).toEqual({ ...(first as object), replayed: true });
    expect(await asked('meters', createMeter, tokens)).toMatchObject({
      code: 'METER_INVALID',
      problems: [{ field: 'slug' }],
    });
    const wrong = { ...tokens, slug: 'A b', valueProperty: null, groupBy: ['x', 'x'] };
    expect(await asked('meters', createMeter, wrong)).toMatchObject({
      problems: [{ field: 'slug' }, { field: 'valueProperty' }, { field: 'groupBy' }],
    });
  });

  it('that is archived keeps what it counted and counts no more', async () => {
    const id = await meterOf('archived');
    await asked('archived', ingest, { events: [event('e1', 5)] });
    const archive = `mutation ($input: ArchiveMeterInput!) { archiveMeter(input: $input) {
      ... on ArchiveMeterSuccess { meter { archivedAt } } ... on Refusal { code } } }`;
    expect(await asked('archived', archive, { id })).toMatchObject({
      meter: { archivedAt: '2026-05-05T10:00:00.000Z' },
    });
    await asked('archived', ingest, { events: [event('e2', 7)] });
    expect(await points('archived', id)).toMatchObject([{ value: '5' }]);
    expect(await asked('globex', archive, { id })).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('usage events', () => {
  it('are counted once, told what became of each, and shown by window and group', async () => {
    const id = await meterOf('events');
    const small = event('e2', 30, { data: { tokens: '30.5', model: 'small' } });
    const events = [event('e1', 70), small, event('e1', 70), event('e1', 71)];
    expect(await asked('events', ingest, { events })).toMatchObject({
      ...{ accepted: 2, duplicates: 1, conflicts: 1, rejected: 0 },
      results: [
        { id: 'e1', status: 'ACCEPTED' },
        { id: 'e2', status: 'ACCEPTED' },
        { id: 'e1', status: 'DUPLICATE' },
        { id: 'e1', status: 'CONFLICT' },
      ],
    });
    expect(await points('events', id)).toEqual([
      {
        start: '2026-05-04T00:00:00.000Z',
        end: '2026-05-05T00:00:00.000Z',
        ...{ value: '100.5', events: 2, subject: null, dimensions: {} },
      },
    ]);
    expect(await points('events', id, { groupBy: ['model'], bySubject: true })).toMatchObject([
      { value: '70', subject: 'job_1', dimensions: { model: 'large' } },
      { value: '30.5', dimensions: { model: 'small' } },
    ]);
    expect(await points('events', id, { subject: 'job_2' })).toEqual([]);
  });

  it('are all taken or none, when that is asked for', async () => {
    const id = await meterOf('atomic');
    const events = [event('e1', 1), event('e2', 1, { data: { model: 'x' } })];
    expect(await asked('atomic', ingest, { events, atomic: true })).toMatchObject({
      code: 'EVENTS_REFUSED',
      results: [{ status: 'ACCEPTED' }, { status: 'REJECTED' }],
    });
    expect(await points('atomic', id)).toEqual([]);
  });

  it('can be corrected and voided, and are still shown as they were sent', async () => {
    const id = await meterOf('amended');
    await asked('amended', ingest, { events: [event('e1', 70), event('e2', 30)] });
    const amend = (
      name: string,
      type: string,
    ) => `mutation ($input: ${type}!) { ${name}(input: $input) {
      ... on AmendUsageEventSuccess { event { id status data correctedData } } ... on Refusal { code } } }`;
    const named = { source: '/app', id: 'e1', reason: 'counted twice by us' };
    const correct = amend('correctUsageEvent', 'CorrectUsageEventInput');
    const data = { tokens: 7, model: 'large' };
    expect(await asked('amended', correct, { ...named, data })).toMatchObject({
      event: { status: 'CORRECTED', data: { tokens: 70 }, correctedData: { tokens: 7 } },
    });
    expect(await points('amended', id)).toMatchObject([{ value: '37' }]);
    const invalid = { ...named, data: { model: 'large' } };
    expect(await asked('amended', correct, invalid)).toEqual({ code: 'USAGE_EVENT_INVALID' });
    const drop = amend('voidUsageEvent', 'VoidUsageEventInput');
    expect(await asked('amended', drop, named)).toMatchObject({ event: { status: 'VOIDED' } });
    expect(await points('amended', id)).toMatchObject([{ value: '30' }]);
    expect(await asked('globex', drop, named)).toEqual({ code: 'NOT_FOUND' });
  });

  it('are listed page by page, the latest first, by type and subject', async () => {
    const events = [0, 1, 2, 3, 4].map((n) =>
      event(`e${String(n)}`, n, {
        time: `2026-05-0${String(n % 2) === '0' ? '2' : '3'}T10:00:00Z`,
      }),
    );
    await asked('pages', ingest, { events });
    const list = (args: string) => `{ usageEvents(${args}) {
      edges { node { id status } } pageInfo { hasNextPage endCursor } } }`;
    interface Page {
      edges: { node: { id: string } }[];
      pageInfo: { hasNextPage: boolean; endCursor: string };
    }
    const seen: string[] = [];
    for (let after = ''; ;) {
      const page = (await asked('pages', list(`first: 2${after}`))) as Page;
      seen.push(...page.edges.map(({ node }) => node.id));
      if (!page.pageInfo.hasNextPage) break;
      after = `, after: "${page.pageInfo.endCursor}"`;
    }
    expect(seen).toEqual(['e3', 'e1', 'e4', 'e2', 'e0']);
    const none = (await asked('pages', list('filter: { subject: "job_2" }'))) as Page;
    expect(none.edges).toEqual([]);
  });
});

describe('who watches a meter', () => {
  it('is told what it has counted, then each change', async () => {
    const id = await meterOf('watched');
    const query = `subscription { usageUpdated(meterId: "${id}") { value meter { slug } } }`;
    const told = billing.watch({ tenant: 'watched' }, query, 2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await asked('watched', ingest, { events: [event('e1', 5, { time: '2026-05-05T09:00:00Z' })] });
    expect((await told).map(({ data }) => data)).toEqual([
      { usageUpdated: { value: '0', meter: { slug: 'tokens' } } },
      { usageUpdated: { value: '5', meter: { slug: 'tokens' } } },
    ]);
  });

  it('is told of another tenant’s meter what is told of none', async () => {
    const id = await meterOf('mine');
    const watch = async (meterId: string) => {
      const query = `subscription { usageUpdated(meterId: "${meterId}") { value } }`;
      const results = await billing.watch({ tenant: 'globex' }, query, 1);
      return JSON.stringify(results).replaceAll(meterId, '');
    };
    expect(await watch(id)).toEqual(await watch(`meter_${'0'.repeat(26)}`));
    expect(await watch(id)).toContain('NOT_FOUND');
  });
});
