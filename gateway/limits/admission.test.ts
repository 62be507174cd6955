import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Pool } from 'pg';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { freshUrl } from '../../test/support/database.ts';
import { admission } from './admission.ts';
import { post } from '../fixtures/clients.ts';
import { startFixture } from '../fixtures/gateway.ts';
import { defaultLimits } from './limits.ts';
import type { TenantLimits } from './limits.ts';
import { MemoryRateLimiter } from './rate-limit.ts';
import { postgresRateLimiter, rateLimitTable } from './rate-limit-postgres.ts';
import { Turns } from './turns.ts';

const anyNumber: unknown = expect.any(Number);
const never = new AbortController().signal;
const who = (tenant: string, id = 'alice'): Identity => ({
  tenant,
  actor: { type: 'user', id },
  scopes: [],
  expiresAt: new Date(8_640_000_000_000_000),
});
const limitsWith = (tenant: Partial<TenantLimits>, tenants = {}) => ({
  ...defaultLimits,
  tenant: { ...defaultLimits.tenant, ...tenant },
  tenants,
});

describe('MemoryRateLimiter', () => {
  it('lets a burst through and then the rate, and says when to come back', () => {
    let now = 0;
    const limiter = new MemoryRateLimiter(() => now);
    const take = () => limiter.take('a', { perSecond: 2, burst: 3 });
    expect([take(), take(), take()].every(({ isAllowed }) => isAllowed)).toBe(true);
    expect(take()).toEqual({ isAllowed: false, retryAfterMs: 500 });
    expect(limiter.take('b', { perSecond: 2, burst: 3 }).isAllowed).toBe(true);
    now = 500;
    expect(take().isAllowed).toBe(true);
    expect(take().isAllowed).toBe(false);
    now = 3_600_000;
    expect([take(), take(), take(), take()].filter(({ isAllowed }) => isAllowed)).toHaveLength(3);
  });

  it('never gives more than burst and rate, whenever it is asked', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2_000), { maxLength: 200 }), (pauses) => {
        let now = 0;
        let given = 0;
        const limiter = new MemoryRateLimiter(() => now);
        for (const pause of pauses) {
          now += pause;
          if (limiter.take('a', { perSecond: 3, burst: 5 }).isAllowed) given += 1;
        }
        expect(given).toBeLessThanOrEqual(5 + (now / 1_000) * 3 + 1e-6);
      }),
    );
  });

  it('forgets the keys used longest ago, so that a flood of keys costs no memory', () => {
    const limiter = new MemoryRateLimiter();
    const once = { perSecond: 0.001, burst: 1 };
    expect(limiter.take('a', once).isAllowed).toBe(true);
    for (let key = 0; key < 19_000; key += 1) limiter.take(`key ${key}`, once);
    expect(limiter.take('a', once).isAllowed).toBe(false);
    for (let key = 0; key < 21_000; key += 1) limiter.take(`other ${key}`, once);
    expect(limiter.take('a', once).isAllowed).toBe(true);
  });
});

describe('postgresRateLimiter', () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = new Pool({ connectionString: await freshUrl(), max: 8 });
    await pool.query(rateLimitTable);
  });
  afterAll(() => pool.end());
  const refusing = { take: () => ({ isAllowed: false, retryAfterMs: 7 }) as const };
  const limiter = (failures: unknown[] = []) =>
    postgresRateLimiter(
      async (sql, values) => (await pool.query<Record<string, unknown>>(sql, [...values])).rows,
      refusing,
      (cause) => failures.push(cause),
    );

  it('gives a burst to all gateways together, however they race', async () => {
    const [one, other] = [limiter(), limiter()];
    const taken = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        Promise.resolve((n % 2 ? one : other).take('shared', { perSecond: 0.001, burst: 10 })),
      ),
    );
    expect(taken.filter(({ isAllowed }) => isAllowed)).toHaveLength(10);
    const refused = taken.find(({ isAllowed }) => !isAllowed);
    expect(refused).toMatchObject({ retryAfterMs: anyNumber });
  });

  it('refills by the clock of the database', async () => {
    const shared = limiter();
    const take = () => shared.take('refilled', { perSecond: 10, burst: 1 });
    expect((await take()).isAllowed).toBe(true);
    expect((await take()).isAllowed).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await take()).isAllowed).toBe(true);
  });

  it('counts in this process while the database gives no answer, and says so', async () => {
    const failures: unknown[] = [];
    const broken = postgresRateLimiter(
      () => Promise.reject(new Error('down')),
      refusing,
      (cause) => failures.push(cause),
    );
    expect(await broken.take('a', { perSecond: 1, burst: 1 })).toEqual({
      isAllowed: false,
      retryAfterMs: 7,
    });
    expect(failures).toHaveLength(1);
  });
});

describe('Turns', () => {
  const limits = { concurrentMax: 2, queuedMax: 2, queueTimeoutMs: 50 };

  it('lets so many go, and the next in the order in which they came', async () => {
    const turns = new Turns();
    const first = await turns.take('a', limits, never);
    await turns.take('a', limits, never);
    const order: number[] = [];
    const third = turns.take('a', limits, never).then((end) => (order.push(3), end));
    const fourth = turns.take('a', limits, never).then((end) => (order.push(4), end));
    expect(await turns.take('a', limits, never)).toBeUndefined();
    expect(await turns.take('b', limits, never)).toBeDefined();
    first?.();
    first?.();
    (await third)?.();
    await fourth;
    expect(order).toEqual([3, 4]);
  });

  it('gives no turn to who waits too long or has left, and loses none by it', async () => {
    const turns = new Turns();
    const ends = [await turns.take('a', limits, never), await turns.take('a', limits, never)];
    expect(await turns.take('a', limits, never)).toBeUndefined();
    const gone = new AbortController();
    const waiting = turns.take('a', limits, gone.signal);
    gone.abort();
    expect(await waiting).toBeUndefined();
    for (const end of ends) end?.();
    expect(await turns.take('a', limits, never)).toBeDefined();
    expect(await turns.take('a', limits, never)).toBeDefined();
  });
});

describe('admission', () => {
  it('counts each actor apart, and refuses with the time to wait', async () => {
    const { enter } = admission({ limits: limitsWith({ requestsPerSecond: 1, requestsBurst: 2 }) });
    await enter(who('acme'), 100, never);
    await enter(who('acme'), 100, never);
    await expect(enter(who('acme'), 100, never)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryable: true,
      retryAfterMs: anyNumber,
    });
    await enter(who('acme', 'bob'), 100, never);
    await enter(who('globex'), 100, never);
  });

  it('counts a long request as several', async () => {
    const { enter } = admission({
      limits: limitsWith({ requestsPerSecond: 1, requestsBurst: 40 }),
    });
    await enter(who('acme'), 500_000, never);
    await expect(enter(who('acme'), 500_000, never)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    });
    await enter(who('acme'), 500, never);
  });

  it('gives a tenant the limits that are configured for it', async () => {
    const limits = limitsWith({ concurrentMax: 1, queuedMax: 0 }, { acme: { concurrentMax: 2 } });
    const { enter } = admission({ limits });
    await enter(who('acme'), 100, never);
    await enter(who('acme', 'bob'), 100, never);
    await expect(enter(who('acme', 'carol'), 100, never)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    });
    await enter(who('globex'), 100, never);
    await expect(enter(who('globex'), 100, never)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('counts documents that were never read before for their tenant', () => {
    const { newDocument } = admission({ limits: limitsWith({ newDocumentsBurst: 1 }) });
    newDocument(who('acme'), 100);
    newDocument(who('globex'), 1_000_000);
    expect(() => {
      newDocument(who('acme', 'bob'), 100);
    }).toThrow('new documents');
  });
});

describe('the gateway', () => {
  it('answers RATE_LIMITED with 429 and asks no subgraph, and gives turns back', async () => {
    const fixture = await startFixture('in-process', {
      limits: limitsWith({
        concurrentMax: 1,
        queuedMax: 0,
        newDocumentsBurst: 5,
        newDocumentsPerSecond: 0.01,
      }),
    });
    const slow = post(fixture, { query: '{ slow(ms: 400) }' });
    await new Promise((resolve) => setTimeout(resolve, 150));
    const { status, body } = await post(fixture, { query: '{ job(id: "a") { id } }' });
    expect(status).toBe(429);
    expect(body.errors).toMatchObject([
      { extensions: { code: 'RATE_LIMITED', retryable: true, retryAfterMs: 1_000 } },
    ]);
    expect((await slow).body).toEqual({ data: { slow: 'late' } });
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (let n = 0; n < 3; n += 1) {
      const again = await post(fixture, { query: '{ job(id: "a") { id } }' });
      expect(again.body).toEqual({ data: { job: { id: 'a' } } });
    }
    const texts = Array.from({ length: 8 }, (_, n) => `{ job(id: "new${n}") { id } }`);
    const answers = [];
    for (const query of texts) answers.push((await post(fixture, { query })).status);
    expect(answers.filter((one) => one === 429).length).toBeGreaterThanOrEqual(4);
    await fixture.stop();
  });

  it('tells what an operation costs where that is wanted, and refuses what costs too much', async () => {
    const fixture = await startFixture('in-process', {
      tellCost: true,
      limits: limitsWith({ costMax: 50 }),
    });
    const query = 'query ($n: Int!) { jobs(first: $n) { id } }';
    const { body } = await post(fixture, { query, variables: { n: 2 } });
    expect(body.extensions).toEqual({ cost: { estimated: 10, actual: 2 } });
    const many = Array.from({ length: 6 }, (_, n) => `a${n}: jobs { id }`).join(' ');
    const refused = await post(fixture, { query: `{ ${many} }` });
    expect(refused.status).toBe(400);
    expect(refused.body.errors).toMatchObject([{ extensions: { code: 'LIMIT_EXCEEDED' } }]);
    await fixture.stop();
  });

  it('takes no compressed bodies, and no variables beyond measure', async () => {
    const fixture = await startFixture('in-process');
    const encoded = await post(fixture, 'x', { 'content-encoding': 'gzip' });
    expect(encoded.status).toBe(415);
    const query = 'query ($n: Int) { jobs(first: $n) { id } }';
    for (const n of [Array.from({ length: 20_000 }, () => 1), deep(30)]) {
      const { status, body } = await post(fixture, { query, variables: { n } });
      expect(status).toBe(400);
      expect(body.errors?.[0]?.extensions?.['code']).toBe('LIMIT_EXCEEDED');
    }
    expect(fixture.state.requests).toEqual([]);
    await fixture.stop();
  });
});

function deep(levels: number): unknown {
  return levels === 0 ? 1 : [deep(levels - 1)];
}
