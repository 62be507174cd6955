import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { TestDatabase } from '../../test/support/database.ts';
import { freshDatabase } from '../../test/support/database.ts';
import { notes } from '../../test/support/notes-subgraph.ts';
import type { Database } from './db.ts';
import { openDatabase } from './db.ts';
import type { EventReader, StoredEvent } from './events.ts';
import { appendEvents, endStream, eventReader, latest, sweepEvents } from './events.ts';
import { createLog } from './log.ts';
import { sleep } from './time.ts';

let db: TestDatabase;
/** The same tables in another process. */
let elsewhere: Database;

const cursorKey = new Uint8Array(32).fill(3);
const never = new AbortController().signal;
const reader = (from: Database = db, tenant = 'acme', signal = never): EventReader =>
  eventReader({ db: from, tenant, cursorKey, signal });
const newStream = (): string => `run:${randomUUID()}`;
const fact = (n: number | string) => ({ type: 'counted', payload: { n } });
const endsWith = (event: StoredEvent): boolean => event.type === 'ended';

const append = (stream: string, ...ns: (number | string)[]): Promise<number> =>
  db.tx('acme', (tx) => appendEvents(tx, stream, ns.map(fact)));
const end = (stream: string): Promise<void> =>
  db.tx('acme', async (tx) => {
    await appendEvents(tx, stream, [{ type: 'ended', payload: {} }]);
    await endStream(tx, stream);
  });

/** Follows until the stream ends, or so many facts were given. */
async function read(
  from: EventReader,
  stream: string,
  { after, count = Infinity }: { after?: string; count?: number } = {},
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  const options = { endsAfter: endsWith, ...(after !== undefined && { after }) };
  for await (const event of await from.follow(stream, options)) {
    events.push(event);
    if (events.length >= count) break;
  }
  return events;
}
const seqs = (events: readonly StoredEvent[]): number[] => events.map(({ seq }) => seq);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);

beforeAll(async () => {
  db = await freshDatabase(notes);
  const log = createLog({ level: 'silent' });
  elsewhere = await openDatabase({ url: db.url, name: 'notes', entities: [], poolMax: 10, log });
});

afterAll(async () => {
  await elsewhere.close();
  await db.close();
});

describe('a log of events', () => {
  it('counts from one without gaps, whoever writes at the same time and whoever gives up', async () => {
    const writer = fc.array(
      fc.record({ size: fc.integer({ min: 1, max: 5 }), givesUp: fc.boolean() }),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(writer, { minLength: 8, maxLength: 8 }), async (writers) => {
        const stream = newStream();
        const written = await Promise.all(
          writers.map((batches, who) => write(stream, `writer ${who}`, batches)),
        );
        await end(stream);
        const events = await read(reader(), stream);
        const count = written.flat().length;
        expect(seqs(events)).toEqual(upTo(count + 1));
        for (const [who, facts] of written.entries()) {
          const own = events.map(({ payload }) => payload['n'] as string | undefined);
          expect(own.filter((n) => String(n).startsWith(`writer ${who} `))).toEqual(facts);
        }
      }),
      { numRuns: 10 },
    );
  });

  it('gives the sequence of the last fact added', async () => {
    const stream = newStream();
    expect([await append(stream, 1, 2, 3), await append(stream, 4)]).toEqual([3, 4]);
  });

  it('is another one for another tenant', async () => {
    const stream = newStream();
    await append(stream, 1);
    await db.tx('globex', (tx) => appendEvents(tx, stream, [fact('theirs')]));
    const [theirs] = await read(reader(db, 'globex'), stream, { count: 1 });
    expect(theirs).toMatchObject({ seq: 1, payload: { n: 'theirs' } });
  });

  /** Writes batches one after another. Gives the facts that were committed. */
  async function write(
    stream: string,
    who: string,
    batches: readonly { readonly size: number; readonly givesUp: boolean }[],
  ): Promise<string[]> {
    const committed: string[] = [];
    for (const [batch, { size, givesUp }] of batches.entries()) {
      const facts = upTo(size).map((n) => `${who} ${batch}.${n}`);
      const from = batch % 2 === 0 ? db : elsewhere;
      const work = from.tx('acme', async (tx) => {
        await appendEvents(tx, stream, facts.map(fact));
        if (givesUp) throw new Error('gives up');
      });
      await work.then(
        () => committed.push(...facts),
        () => undefined,
      );
    }
    return committed;
  }
});

describe('following a log', () => {
  it('loses nothing and doubles nothing while others write, from whatever moment', async () => {
    const stream = newStream();
    const late = async (ms: number, from: Database): Promise<StoredEvent[]> => {
      await sleep(ms);
      return read(reader(from), stream);
    };
    const readers = [0, 0, 20, 60, 120].map((ms, n) => late(ms, n % 2 === 0 ? db : elsewhere));
    const writers = upTo(8).map(async (who) => {
      for (const n of upTo(20)) await append(stream, `${who}.${n}`);
    });
    await Promise.all(writers);
    await end(stream);
    for (const events of await Promise.all(readers)) expect(seqs(events)).toEqual(upTo(161));
  });

  it('goes on after every cursor it has given', async () => {
    const stream = newStream();
    await append(stream, 1, 2, 3, 4);
    await end(stream);
    const from = reader();
    for (const event of await read(from, stream)) {
      const rest = await read(from, stream, { after: from.cursor(stream, event.seq) });
      expect(seqs(rest)).toEqual(upTo(5).slice(event.seq));
    }
  });

  it('gives logs of many pages whole', async () => {
    const stream = newStream();
    await append(stream, ...upTo(250));
    await end(stream);
    expect(seqs(await read(reader(), stream))).toEqual(upTo(251));
  });

  it('begins with the next fact when asked for the latest', async () => {
    const stream = newStream();
    await append(stream, 1, 2);
    const options = { after: latest, endsAfter: endsWith };
    const following = await reader().follow(stream, options);
    const next = following.next();
    await append(stream, 3);
    expect((await next).value).toMatchObject({ seq: 3 });
    await following.return?.();
  });

  it('waits for a log that has not begun', async () => {
    const stream = newStream();
    const reading = read(reader(elsewhere), stream, { count: 1 });
    await sleep(50);
    await append(stream, 1);
    expect(seqs(await reading)).toEqual([1]);
  });

  it('finds a fact two seconds later when its wake-up was lost', async () => {
    const stream = newStream();
    const asked = Date.now();
    const reading = read(reader(), stream, { count: 1 });
    await sleep(100);
    await db.tx('acme', async (tx) => {
      const mute = Object.assign(tx, { wakeAfterCommit: () => undefined });
      await appendEvents(mute, stream, [fact('quiet')]);
    });
    expect(seqs(await reading)).toEqual([1]);
    expect(Date.now() - asked).toBeLessThan(4_000);
  });

  it('ends after the last fact of a log, also for who comes later', async () => {
    const stream = newStream();
    const reading = read(reader(), stream);
    await append(stream, 1);
    await end(stream);
    expect(seqs(await reading)).toEqual([1, 2]);
    const from = reader();
    expect(await read(from, stream, { after: from.cursor(stream, 2) })).toEqual([]);
    expect(await read(from, stream, { after: latest })).toEqual([]);
  });

  it('ends at once when the caller’s time is over', async () => {
    const stream = newStream();
    const leaving = new AbortController();
    const reading = read(reader(db, 'acme', leaving.signal), stream);
    await sleep(50);
    const asked = Date.now();
    leaving.abort();
    expect(await reading).toEqual([]);
    expect(Date.now() - asked).toBeLessThan(500);
  });

  it('leaves nobody listening when it is over', async () => {
    const stream = newStream();
    let listeners = 0;
    const wakeups: Database['wakeups'] = {
      ...db.wakeups,
      on(topic, callback) {
        const off = db.wakeups.on(topic, callback);
        listeners += 1;
        return () => {
          listeners -= 1;
          off();
        };
      },
    };
    const reading = read(reader({ ...db, wakeups }), stream);
    for (const n of upTo(20)) await append(stream, n);
    await end(stream);
    await reading;
    expect(listeners).toBe(0);
  });
});

describe('a cursor', () => {
  const invalid = { code: 'INVALID_CURSOR' };

  it.each([
    ['of another tenant', (stream: string) => reader(db, 'globex').cursor(stream, 1)],
    ['of another log', () => reader().cursor(newStream(), 1)],
    [
      'of another key',
      (stream: string) =>
        eventReader({ db, tenant: 'acme', cursorKey: new Uint8Array(32), signal: never }).cursor(
          stream,
          1,
        ),
    ],
    [
      'with another number in it',
      (stream: string) => {
        const text = Buffer.from(reader().cursor(stream, 1), 'base64url').toString();
        return Buffer.from(text.replace('.1.', '.2.')).toString('base64url');
      },
    ],
    ['ahead of its log', (stream: string) => reader().cursor(stream, 4)],
    ['that is nothing', () => 'bm90aGluZw'],
    ['that is empty', () => ''],
  ])('%s is refused', async (_, made) => {
    const stream = newStream();
    await append(stream, 1, 2, 3);
    await expect(read(reader(), stream, { after: made(stream) })).rejects.toMatchObject(invalid);
  });

  it('stands for its sequence', () => {
    const stream = newStream();
    expect(reader().seqOf(stream, reader().cursor(stream, 42))).toBe(42);
  });
});

describe('logs that are no longer kept', () => {
  const long = 31;
  const age = (stream: string): Promise<unknown> =>
    db.owner.query(
      'update event_stream set ended_at = now() - make_interval(days => $2) where stream = $1',
      [stream, long],
    );
  const sweepAll = async (): Promise<void> => {
    while ((await sweepEvents(db)) > 0);
  };

  it('are told by CURSOR_EXPIRED to who wants what is gone', async () => {
    const stream = newStream();
    await append(stream, 1, 2);
    await end(stream);
    await age(stream);
    await sweepAll();
    const expired = { code: 'CURSOR_EXPIRED' };
    const from = reader();
    await expect(read(from, stream)).rejects.toMatchObject(expired);
    const after = from.cursor(stream, 1);
    await expect(read(from, stream, { after })).rejects.toMatchObject(expired);
  });

  it('are over for who has seen all of them', async () => {
    const stream = newStream();
    await append(stream, 1);
    await end(stream);
    await age(stream);
    await sweepAll();
    const from = reader(db, 'acme', AbortSignal.timeout(3_000));
    const asked = Date.now();
    expect(await read(from, stream, { after: from.cursor(stream, 2) })).toEqual([]);
    expect(Date.now() - asked).toBeLessThan(2_000);
  });

  it('are swept once, and no other log is', async () => {
    const [old, young, open] = [newStream(), newStream(), newStream()];
    for (const stream of [old, young, open]) await append(stream, 1);
    await end(old);
    await end(young);
    await age(old);
    expect(await sweepEvents(db)).toBe(1);
    expect(await sweepEvents(db)).toBe(0);
    expect(seqs(await read(reader(), young))).toEqual([1, 2]);
    expect(seqs(await read(reader(), open, { count: 1 }))).toEqual([1]);
  });

  it('end a reader who was in the middle of them with CURSOR_EXPIRED', async () => {
    const stream = newStream();
    await append(stream, 1, 2);
    const following = await reader().follow(stream, { endsAfter: endsWith });
    await following.next();
    await db.owner.query('delete from event where stream = $1 and seq <= 2', [stream]);
    await following.next();
    await append(stream, 3);
    await db.owner.query('delete from event where stream = $1 and seq = 3', [stream]);
    await append(stream, 4);
    await expect(following.next()).rejects.toMatchObject({ code: 'CURSOR_EXPIRED' });
  });
});
