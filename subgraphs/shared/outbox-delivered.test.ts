import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestDatabase } from '../../test/support/database.ts';
import { freshDatabase } from '../../test/support/database.ts';
import type { NoteTaken } from '../../test/support/notes-subgraph.ts';
import { notes, noteTaken } from '../../test/support/notes-subgraph.ts';
import type { Tx } from './db.ts';
import { createLog } from './log.ts';
import { consumer, delivered, deliverMessages, publish } from './outbox.ts';
import { sleep } from './time.ts';

let db: TestDatabase;
let tenants = 0;
const newTenant = (): string => `tenant ${String((tenants += 1))}`;
const leave = (tenant: string, key: string, ...ns: number[]): Promise<void> =>
  db.tx(tenant, async (tx) => {
    for (const n of ns) await publish(tx, noteTaken, { key, payload: { n } });
  });
const recording = consumer<NoteTaken, unknown>(noteTaken, async ({ tx, messageId, payload }) => {
  await tx.query(`insert into effect (tenant_id, message_id, key, n) values ($1, $2, 'k', $3)`, [
    ...[tx.tenant, messageId, payload.n],
  ]);
});

beforeAll(async () => {
  db = await freshDatabase(notes);
});

afterAll(() => db.close());

describe('waiting until a key is up to date', () => {
  const never = new AbortController().signal;
  const contextOf = (tenant: string, signal = never) => ({
    tenant,
    signal,
    db: {
      name: db.name,
      wakeups: db.wakeups,
      tx: <T>(work: (tx: Tx) => Promise<T>) => db.tx(tenant, work),
    },
  });

  it('lasts until every message about it has taken effect', async () => {
    const tenant = newTenant();
    await leave(tenant, 'k', 1, 2);
    const effects = (tx: Tx): Promise<unknown> => tx.query('select n from effect order by id');
    const reading = delivered(contextOf(tenant), 'k').then(() => db.tx(tenant, effects));
    await sleep(150);
    const stop = new AbortController();
    const log = createLog({ level: 'silent' });
    const delivering = deliverMessages(db, [recording], {}, { log, signal: stop.signal });
    expect(await reading).toEqual([{ n: 1 }, { n: 2 }]);
    stop.abort();
    await delivering;
  });

  it('is over at once when only other keys, tenants and subgraphs have messages', async () => {
    const tenant = newTenant();
    await leave(tenant, 'another', 1);
    await leave(newTenant(), 'k', 1);
    const toDrafts = { name: 'drafts.only', to: ['drafts'] };
    await db.tx(tenant, (tx) => publish(tx, toDrafts, { key: 'k', payload: {} }));
    const asked = Date.now();
    await delivered(contextOf(tenant), 'k');
    expect(Date.now() - asked).toBeLessThan(90);
  });

  it('ends with DEADLINE_EXCEEDED, which may be tried again, and gives no old answer', async () => {
    const tenant = newTenant();
    await leave(tenant, 'k', 1);
    const asked = Date.now();
    await expect(delivered(contextOf(tenant), 'k')).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      retryable: true,
      retryAfterMs: 1_000,
    });
    expect(Date.now() - asked).toBeGreaterThanOrEqual(5_000);
    expect(Date.now() - asked).toBeLessThan(7_000);
  });

  it('ends when nobody waits for the answer any more', async () => {
    const tenant = newTenant();
    await leave(tenant, 'k', 1);
    const leaving = new AbortController();
    const reading = delivered(contextOf(tenant, leaving.signal), 'k');
    await sleep(50);
    const asked = Date.now();
    leaving.abort();
    await expect(reading).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(Date.now() - asked).toBeLessThan(2_000);
  });
});
