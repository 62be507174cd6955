import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { TestDatabase } from '../../test/support/database.ts';
import { freshDatabases } from '../../test/support/database.ts';
import type { NoteTaken } from '../../test/support/notes-subgraph.ts';
import { drafts, notes, noteShared, noteTaken } from '../../test/support/notes-subgraph.ts';
import type { Database, Tx } from './db.ts';
import { openDatabase } from './db.ts';
import { createLog } from './log.ts';
import type { Consumer, Delivery } from './outbox.ts';
import { consumer, deliverMessages, publish } from './outbox.ts';
import { sleep } from './time.ts';

let db: TestDatabase;
let neighbour: TestDatabase;
/** Two more processes of the same subgraph. */
let others: readonly Database[];
let loops: { readonly stop: AbortController; readonly done: Promise<void> }[] = [];

const log = createLog({ level: 'silent' });
let tenants = 0;
const newTenant = (): string => `tenant ${String((tenants += 1))}`;

/** Takes messages until the end of the test, in as many processes as are given. */
const deliver = (processes: readonly Database[], ...consumers: Consumer[]): void => {
  for (const process of processes) {
    const stop = new AbortController();
    const done = deliverMessages(process, consumers, {}, { log, signal: stop.signal });
    loops.push({ stop, done });
  }
};
const stopDelivering = async (): Promise<void> => {
  for (const { stop } of loops) stop.abort();
  await Promise.all(loops.map(({ done }) => done));
  loops = [];
};

const leave = (tenant: string, key: string, ...ns: number[]): Promise<void> =>
  db.tx(tenant, async (tx) => {
    for (const n of ns) await publish(tx, noteTaken, { key, payload: { n } });
  });
/** The work of these tests: a row a message. */
const record = async (
  { tx, messageId, payload: { n } }: Delivery<NoteTaken, unknown>,
  key: string,
): Promise<void> => {
  await tx.query('insert into effect (tenant_id, message_id, key, n) values ($1, $2, $3, $4)', [
    ...[tx.tenant, messageId, key, n],
  ]);
};
/** Messages tell their key by thousands: 2003 is the third of `key 2`. */
const keyOf = (n: number): string => `key ${String(Math.floor(n / 1_000))}`;
const recording = consumer<NoteTaken, unknown>(noteTaken, (delivery) =>
  record(delivery, keyOf(delivery.payload.n)),
);

const effects = async (tenant: string, key?: string): Promise<number[]> => {
  const { rows } = await db.owner.query<{ n: number }>(
    'select n from effect where tenant_id = $1 and ($2::text is null or key = $2) order by id',
    [tenant, key ?? null],
  );
  return rows.map(({ n }) => n);
};
const waiting = async (tenant: string): Promise<{ n: number; attempts: number; why: string }[]> => {
  const { rows } = await db.owner.query<{ n: number; attempts: number; why: string }>(
    `select (payload ->> 'n')::int as n, attempts, last_error as why
     from forge.message where tenant_id = $1 order by id`,
    [tenant],
  );
  return rows;
};
const until = async (holds: () => Promise<boolean>, msMax = 15_000): Promise<void> => {
  const last = Date.now() + msMax;
  while (!(await holds())) {
    if (Date.now() > last) throw new Error('It did not come to that.');
    await sleep(20);
  }
};
/** Makes what was put off due now. */
const makeDue = async (tenant: string): Promise<void> => {
  await db.owner.query(
    "update forge.message set due_at = now() - interval '1 hour' where tenant_id = $1",
    [tenant],
  );
  db.wakeups.wake(['inbox/notes']);
};

beforeAll(async () => {
  const opened = await freshDatabases([notes, drafts]);
  [db, neighbour] = [...opened.values()] as [TestDatabase, TestDatabase];
  const again = () => openDatabase({ url: db.url, name: 'notes', entities: [], poolMax: 6, log });
  others = await Promise.all([again(), again()]);
});

afterEach(stopDelivering);

afterAll(() => Promise.all([db, neighbour, ...others].map((one) => one.close())));

describe('a message', () => {
  it('is under way if and only if its transaction commits', async () => {
    const tenant = newTenant();
    deliver([db], recording);
    const undone = db.tx(tenant, async (tx) => {
      await publish(tx, noteTaken, { key: 'k', payload: { n: 1 } });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await leave(tenant, 'k', 2);
    await until(async () => (await effects(tenant)).length > 0);
    expect(await effects(tenant)).toEqual([2]);
    expect(await waiting(tenant)).toEqual([]);
  });

  it('takes effect once and in the order of its key, whatever fails and is killed on the way', async () => {
    const trouble = fc.record({
      keys: fc.integer({ min: 1, max: 4 }),
      perKey: fc.integer({ min: 1, max: 12 }),
      failures: fc.array(fc.constantFrom('none', 'before', 'after', 'kill', 'none'), {
        minLength: 10,
        maxLength: 40,
      }),
    });
    await fc.assert(
      fc.asyncProperty(trouble, async ({ keys, perKey, failures }) => {
        const tenant = newTenant();
        const rest = [...failures];
        const troubled = consumer<NoteTaken, unknown>(noteTaken, async (delivery) => {
          const failure = rest.pop() ?? 'none';
          if (failure === 'before') throw new Error('fails before its effect');
          await record(delivery, keyOf(delivery.payload.n));
          if (failure === 'after') throw new Error('fails after its effect');
          if (failure === 'kill') await killConnection(delivery.tx);
        });
        deliver([db, ...others], troubled);
        const expected = Array.from({ length: perKey }, (_, n) => n);
        await Promise.all(
          Array.from({ length: keys }, async (_, key) => {
            for (const n of expected) await leave(tenant, keyOf(key * 1_000), key * 1_000 + n);
          }),
        );
        await until(async () => {
          await makeDue(tenant);
          return (await waiting(tenant)).length === 0;
        });
        for (let key = 0; key < keys; key += 1) {
          const seen = await effects(tenant, keyOf(key * 1_000));
          expect(seen).toEqual(expected.map((n) => key * 1_000 + n));
        }
        await stopDelivering();
      }),
      { numRuns: 6 },
    );
  }, 120_000);

  it('that fails holds back its own key only, is never dropped, and goes on when it can', async () => {
    const [tenant, other] = [newTenant(), newTenant()];
    let healed = false;
    const poisoned = consumer<NoteTaken, unknown>(noteTaken, async (delivery) => {
      const { n } = delivery.payload;
      if (n === 1_001 && !healed) throw new Error('this note cannot be read');
      await record(delivery, keyOf(n));
    });
    await leave(tenant, 'key 1', 1_000, 1_001, 1_002);
    await leave(tenant, 'key 2', 2_000, 2_001);
    await leave(other, 'key 1', 1_000);
    deliver([db, ...others], poisoned);
    await until(async () => (await effects(tenant)).length === 3);
    await until(async () => (await effects(other)).length === 1);
    expect((await effects(tenant)).sort()).toEqual([1_000, 2_000, 2_001]);
    await makeDue(tenant);
    await until(async () => ((await waiting(tenant))[0]?.attempts ?? 0) >= 2);
    expect(await waiting(tenant)).toMatchObject([
      { n: 1_001, why: 'this note cannot be read' },
      { n: 1_002, attempts: 0 },
    ]);
    await leave(tenant, 'key 1', 1_003);
    healed = true;
    await makeDue(tenant);
    await until(async () => (await waiting(tenant)).length === 0);
    expect(await effects(tenant, 'key 1')).toEqual([1_000, 1_001, 1_002, 1_003]);
  });

  it('that is put off costs nothing while it waits, and is tried again by itself', async () => {
    const tenant = newTenant();
    let tries = 0;
    const slow = consumer<NoteTaken, unknown>(noteTaken, async (delivery) => {
      tries += 1;
      if (tries <= 2) throw new Error('not yet');
      await record(delivery, 'k');
    });
    await leave(tenant, 'k', 1, 2);
    let looks = 0;
    const watched: Database = { ...db, across: (work) => ((looks += 1), db.across(work)) };
    deliver([watched], slow);
    await until(async () => (await waiting(tenant))[0]?.attempts === 1);
    looks = 0;
    await sleep(300);
    expect(looks).toBeLessThan(5);
    await until(async () => (await effects(tenant)).length === 2);
    expect(await effects(tenant)).toEqual([1, 2]);
  });

  it('waits without costs while another process works on its tenant, and holds up no other', async () => {
    const [tenant, free] = [newTenant(), newTenant()];
    const long = consumer<NoteTaken, unknown>(noteTaken, async (delivery) => {
      if (delivery.tenant === tenant) await sleep(1_000);
      await record(delivery, 'k');
    });
    await leave(tenant, 'k', 1);
    deliver([db], long);
    await sleep(100);
    let looks = 0;
    const [other] = others as [Database];
    deliver([{ ...other, across: (work) => ((looks += 1), other.across(work)) }], long);
    await sleep(100);
    await leave(free, 'k', 1);
    await until(async () => (await effects(free)).length === 1);
    const second = loops.pop();
    second?.stop.abort();
    await second?.done;
    expect(await effects(tenant)).toEqual([]);
    await until(async () => (await effects(tenant)).length === 1);
    expect(looks).toBeLessThan(8);
  });

  it('that nobody knows what to do with stays, and says so', async () => {
    const tenant = newTenant();
    deliver([db]);
    await leave(tenant, 'k', 1);
    await until(async () => (await waiting(tenant))[0]?.attempts === 1);
    expect((await waiting(tenant))[0]?.why).toBe('notes does not know what to do with notes.taken');
  });

  it('is taken in its own tenant, by each of its subscribers', async () => {
    const tenant = newTenant();
    const shared = consumer<NoteTaken, unknown>(noteShared, (delivery) => record(delivery, 'k'));
    await db.tx(tenant, (tx) => publish(tx, noteShared, { key: 'k', payload: { n: 7 } }));
    deliver([db, neighbour], shared);
    await until(async () => (await waiting(tenant)).length === 0);
    for (const schema of ['notes', 'drafts']) {
      const { rows } = await db.owner.query(
        `select tenant_id, n from ${schema}.effect where tenant_id = $1`,
        [tenant],
      );
      expect(rows).toEqual([{ tenant_id: tenant, n: 7 }]);
    }
  });

  it('for another subgraph or tenant is neither seen nor taken', async () => {
    const tenant = newTenant();
    await leave(tenant, 'k', 1);
    const look = (tx: Tx): Promise<unknown> =>
      tx.query('select * from forge.message where tenant_id = $1', [tenant]);
    const take = (tx: Tx): Promise<unknown> =>
      tx.query('delete from forge.message where tenant_id = $1 returning id', [tenant]);
    expect(await neighbour.tx(tenant, look)).toEqual([]);
    expect(await neighbour.tx(tenant, take)).toEqual([[], 0]);
    expect(await db.tx('somebody else', look)).toEqual([]);
    expect(await db.tx('somebody else', take)).toEqual([[], 0]);
    expect(await waiting(tenant)).toHaveLength(1);
  });

  it('cannot be left in the name of another tenant', async () => {
    const forged = db.tx(newTenant(), (tx) =>
      publish(Object.assign(tx, { tenant: 'victim' }), noteTaken, { key: 'k', payload: { n: 1 } }),
    );
    await expect(forged).rejects.toMatchObject({ code: '42501' });
  });

  it('is taken soon after it was left, in another process too', async () => {
    const tenant = newTenant();
    deliver(others.slice(0, 1), recording);
    await sleep(300);
    const asked = Date.now();
    await leave(tenant, 'k', 1);
    await until(async () => (await effects(tenant)).length === 1);
    expect(Date.now() - asked).toBeLessThan(1_500);
  });

  it('in the middle of being taken is finished when delivery is told to end', async () => {
    const tenant = newTenant();
    deliver(
      [db],
      consumer<NoteTaken, unknown>(noteTaken, async (delivery) => {
        await sleep(200);
        await record(delivery, 'k');
      }),
    );
    await leave(tenant, 'k', 1);
    await sleep(100);
    await stopDelivering();
    expect([(await effects(tenant)).length, (await waiting(tenant)).length]).toEqual([1, 0]);
  });

  /** What a process that is killed looks like to the database. */
  async function killConnection(tx: Tx): Promise<void> {
    const [row]: { pid: number }[] = await tx.query('select pg_backend_pid() as pid');
    await db.owner.query('select pg_terminate_backend($1)', [row?.pid]);
    await tx.query('select 1');
  }
});
