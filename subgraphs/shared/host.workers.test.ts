import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { freshDatabase } from '../../test/support/database.ts';
import type { TestDatabase } from '../../test/support/database.ts';
import { notes } from './fixtures/notes.ts';
import { openSubgraphDatabase, runWorkers } from './host.ts';
import type { Chore, Subgraph } from './host.ts';
import { createLog } from './log.ts';
import { consumer } from './outbox.ts';
import { sleep } from './time.ts';

let db: TestDatabase;
let stopping: AbortController;
let working: Promise<void> | undefined;
let lines: string[];

beforeAll(async () => {
  db = await freshDatabase(notes());
  // Whoever waits is woken once when the process begins to listen.
  await until(async () => {
    const { rowCount } = await db.owner.query(
      `select from pg_stat_activity where datname = current_database()
       and application_name = 'forge wake-ups' and query like 'listen%' and state = 'idle'`,
    );
    return rowCount === 1;
  });
  await sleep(20);
});
afterAll(() => db.close());
beforeEach(() => {
  stopping = new AbortController();
  lines = [];
});
afterEach(async () => {
  stopping.abort(new Error('the test is over'));
  await working;
});

function work(parts: Partial<Subgraph>): void {
  const subgraph = { ...(notes() as Subgraph), ...parts };
  const log = createLog({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  working = runWorkers(subgraph, db, { log, signal: stopping.signal });
}

function chore(run: Chore<unknown>['run'], change: Partial<Chore<unknown>> = {}): Chore<unknown> {
  return { name: 'sweep', everyMs: 60_000, run, ...change };
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 5_000; Date.now() < end;) {
    if (await isSo()) return;
    await sleep(10);
  }
  throw new Error('it did not come to that');
}

describe('workers', () => {
  it('do each chore at once, with what the subgraph works with, then again after its time', async () => {
    const run = jest.fn<Chore<unknown>['run']>(async () => undefined);
    const once = jest.fn<Chore<unknown>['run']>(async () => undefined);
    const deps = { rate: 7 };
    work({ deps, chores: [chore(run, { everyMs: 20 }), chore(once, { name: 'other' })] });
    await until(() => run.mock.calls.length >= 3);
    expect(run.mock.calls[0]?.[0]).toMatchObject({ db: { name: 'notes' }, deps });
    expect(once).toHaveBeenCalledTimes(1);
  });

  it('do a chore as soon as its topic is woken', async () => {
    const run = jest.fn<Chore<unknown>['run']>(async () => undefined);
    work({ chores: [chore(run, { wakeTopic: 'something to do' })] });
    await until(() => run.mock.calls.length === 1);
    await sleep(20);
    db.wakeups.wake(['something else']);
    await sleep(20);
    expect(run).toHaveBeenCalledTimes(1);
    db.wakeups.wake(['something to do']);
    await until(() => run.mock.calls.length === 2);
  });

  it('miss nothing that is woken while the chore is being done', async () => {
    const run = jest.fn<Chore<unknown>['run']>();
    run.mockImplementation(async () => {
      if (run.mock.calls.length === 1) db.wakeups.wake(['something to do']);
    });
    work({ chores: [chore(run, { wakeTopic: 'something to do' })] });
    await until(() => run.mock.calls.length === 2);
  });

  it('do a chore again that failed, after a pause, and hold up no other', async () => {
    const failing = jest.fn<Chore<unknown>['run']>();
    failing.mockRejectedValueOnce(new Error('broken')).mockResolvedValue(undefined);
    const other = jest.fn<Chore<unknown>['run']>(async () => undefined);
    const chores = [chore(failing, { everyMs: 10 }), chore(other, { name: 'other', everyMs: 10 })];
    work({ chores });
    await until(() => other.mock.calls.length > 5);
    expect(failing).toHaveBeenCalledTimes(1);
    await until(() => failing.mock.calls.length > 1);
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: 50, chore: 'sweep', subgraph: 'notes', err: { message: 'broken' } },
    ]);
  });

  it('end when they are told to, with what is under way, and do not call it a failure', async () => {
    let ended = false;
    const run: Chore<unknown>['run'] = async ({ signal }) => {
      await sleep(60_000, signal).catch(() => undefined);
      await sleep(50);
      ended = true;
      throw signal.reason;
    };
    work({ chores: [chore(run)] });
    await sleep(50);
    stopping.abort(new Error('the process stops'));
    await working;
    expect(ended).toBe(true);
    expect(lines).toEqual([]);
  });

  it('take the messages of the subgraph', async () => {
    const taken: unknown[] = [];
    const topic = { name: 'test.said', to: ['notes'] };
    const deps = { rate: 7 };
    work({
      deps,
      consumers: [
        consumer(topic, async (delivery) => {
          taken.push([delivery.tenant, delivery.payload, delivery.deps]);
        }),
      ],
    });
    await db.owner.query(
      `insert into forge.message (message_id, subscriber, topic, tenant_id, key, payload)
       values ('msg_1', 'notes', 'test.said', 'acme', 'k', '{"n":1}')`,
    );
    await until(() => taken.length > 0);
    expect(taken).toEqual([['acme', { n: 1 }, deps]]);
  });

  it('forget what is no longer kept, and nothing else', async () => {
    await db.owner.query(`
      insert into event_stream (tenant_id, stream, last_seq, ended_at) values
        ('acme', 'old', 1, now() - interval '31 days'), ('acme', 'new', 1, now()),
        ('acme', 'open', 1, null);
      insert into event (tenant_id, stream, seq, type, payload, at)
        select tenant_id, stream, 1, 'ended', '{}', now() - interval '40 days' from event_stream;
      insert into idempotency (tenant_id, key, operation, input_hash, created_at) values
        ('acme', 'old', 'op', '', now() - interval '400 days'), ('acme', 'new', 'op', '', now())`);
    work({});
    const kept = async (sql: string) => {
      const { rows } = await db.owner.query<{ name: string }>(sql);
      return rows.map(({ name }) => name);
    };
    await until(async () => (await kept('select key as name from idempotency')).join() === 'new');
    expect(await kept('select stream as name from event order by 1')).toEqual(['new', 'open']);
  });
});

it('a subgraph’s tables are opened as its own role, in its own schema', async () => {
  const log = createLog({ level: 'silent' });
  const own = await openSubgraphDatabase(notes(), { url: db.url, poolMax: 1, log });
  const [told]: { role: string; schema: string }[] = await own.tx('acme', (tx) =>
    tx.query('select current_user as role, current_schema as schema'),
  );
  await own.close();
  expect(told).toEqual({ role: 'forge_notes', schema: 'notes' });
});
