import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestDatabase } from '../../test/support/database.ts';
import { freshDatabase } from '../../test/support/database.ts';
import { notes } from '../../test/support/notes-subgraph.ts';
import type { Database } from './db.ts';
import { openDatabase } from './db.ts';
import { createLog } from './log.ts';
import { sleep } from './time.ts';

let db: TestDatabase;

const log = createLog({ level: 'silent' });
const openAgain = (url: string): Promise<Database> =>
  openDatabase({ url, name: 'notes', entities: [], poolMax: 4, log });

beforeAll(async () => {
  db = await freshDatabase(notes);
});

afterAll(() => db.close());

describe('wake-ups of a database', () => {
  const nextWake = (from: Database, topic: string): { readonly woken: Promise<number> } => {
    const asked = Date.now();
    return {
      woken: new Promise((resolve) => {
        const off = from.wakeups.on(topic, () => {
          off();
          resolve(Date.now() - asked);
        });
      }),
    };
  };

  it('reach waiters of the same process and of others once the work is committed', async () => {
    const other = await openAgain(db.url);
    await listening(2);
    const here = nextWake(db, 'news');
    const there = nextWake(other, 'news');
    await db.tx('acme', async (tx) => {
      tx.wakeAfterCommit('news');
      await sleep(150);
    });
    expect(await here.woken).toBeGreaterThanOrEqual(150);
    const msThere = await there.woken;
    expect(msThere).toBeGreaterThanOrEqual(150);
    expect(msThere).toBeLessThan(1_500);
    await other.close();
  });

  it('are not sent by work that is rolled back', async () => {
    let woken = 0;
    const off = db.wakeups.on('never', () => (woken += 1));
    const failing = db.tx('acme', (tx) => {
      tx.wakeAfterCommit('never');
      return Promise.reject(new Error('no'));
    });
    await expect(failing).rejects.toThrow('no');
    await sleep(100);
    off();
    expect(woken).toBe(0);
  });

  it('reach everybody also when there are more topics than one message holds', async () => {
    const other = await openAgain(db.url);
    await listening(2);
    const topics = Array.from({ length: 1_500 }, (_, n) => `topic ${n}`);
    const woken = topics.map((topic) => nextWake(other, topic).woken);
    db.wakeups.wake(topics);
    await Promise.all(woken);
    await other.close();
  });

  it('ring for all who wait after a listening connection was lost, and go on', async () => {
    const other = await openAgain(db.url);
    await listening(2);
    const missed = nextWake(other, 'missed');
    await db.owner.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'forge wake-ups'`,
    );
    expect(await missed.woken).toBeLessThan(1_500);
    await listening(2);
    const next = nextWake(other, 'next');
    db.wakeups.wake(['next']);
    expect(await next.woken).toBeLessThan(1_500);
    await other.close();
  });

  /** Waits until so many processes listen. */
  async function listening(count: number): Promise<void> {
    for (;;) {
      const { rowCount } = await db.owner.query(
        `select from pg_stat_activity where datname = current_database()
           and application_name = 'forge wake-ups' and query ilike any('{listen%,%pg_notify%}')
           and state = 'idle'`,
      );
      if ((rowCount ?? 0) >= count) return;
      await sleep(10);
    }
  }
});
