import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Database, Tx } from './db.ts';
import { ForgeError } from './errors.ts';
import type { JsonValue } from './json.ts';
import { isAborted } from './time.ts';
import { bellOf, pollMs } from './wakeups.ts';

/** A fact to be added to a log. */
export interface NewEvent {
  readonly type: string;
  readonly payload: Readonly<Record<string, JsonValue>>;
}

/** A fact of a log. `seq` counts from 1, without gaps, in the order of the commits. */
export interface StoredEvent {
  readonly stream: string;
  readonly seq: number;
  readonly type: string;
  readonly payload: Readonly<Record<string, JsonValue>>;
  readonly at: Date;
}

/**
 * Adds facts to the log of one thing and gives the sequence of the last.
 *
 * The sequence is taken under the lock of the log's row until the transaction
 * ends, so nobody sees a later fact before an earlier one.
 */
export async function appendEvents(
  tx: Tx,
  stream: string,
  events: readonly NewEvent[],
): Promise<number> {
  const [row]: { last_seq: string }[] = await tx.query(
    `with log as (
       insert into event_stream (tenant_id, stream, last_seq) values ($1, $2, $3)
       on conflict (tenant_id, stream) do update set last_seq = event_stream.last_seq + $3
       returning last_seq
     ), added as (
       insert into event (tenant_id, stream, seq, type, payload, at)
       select $1, $2, log.last_seq - $3 + fact.n, fact.type, fact.payload, clock_timestamp()
       from log, unnest($4::text[], $5::jsonb[]) with ordinality as fact (type, payload, n)
     )
     select last_seq from log`,
    [
      tx.tenant,
      stream,
      events.length,
      events.map(({ type }) => type),
      events.map(({ payload }) => JSON.stringify(payload)),
    ],
  );
  tx.wakeAfterCommit(streamTopic(tx.tenant, stream));
  return Number(row?.last_seq);
}

/** Marks a log as complete: nothing is added to it any more, and its time to be kept begins. */
export async function endStream(tx: Tx, stream: string): Promise<void> {
  await tx.query(
    'update event_stream set ended_at = clock_timestamp() where tenant_id = $1 and stream = $2',
    [tx.tenant, stream],
  );
}

const batchMax = 100;

/** Reads facts after a sequence, oldest first. */
export async function readEvents(
  tx: Tx,
  stream: string,
  after: number,
  limit = batchMax,
): Promise<StoredEvent[]> {
  const rows: { seq: string; type: string; payload: StoredEvent['payload']; at: Date }[] =
    await tx.query(
      `select seq, type, payload, at from event
       where tenant_id = $1 and stream = $2 and seq > $3 order by seq limit $4`,
      [tx.tenant, stream, after, limit],
    );
  return rows.map(({ seq, ...fact }) => ({ ...fact, stream, seq: Number(seq) }));
}

export interface FollowOptions {
  /** Goes on after this cursor; from the start of the log without one, from now with LATEST. */
  readonly after?: string;
  /** Whether the stream is over once this fact has been given. */
  readonly endsAfter: (event: StoredEvent) => boolean;
  /** For how long the stream waits for more after this fact; for ever without a time. */
  readonly graceMs?: (event: StoredEvent) => number | undefined;
}

/** Logs as one caller may see them. */
export interface EventReader {
  /**
   * Gives every fact of a log after a cursor, then each new one as it is
   * committed, in order, none twice and none left out. Ends after the last one,
   * when the caller leaves, and when the caller's identity ends.
   *
   * Facts only ever come from the table; a wake-up says that it is worth looking,
   * and one that is lost costs two seconds. Throws INVALID_CURSOR for a cursor
   * of another log, CURSOR_EXPIRED when what follows is no longer kept.
   */
  follow(stream: string, options: FollowOptions): Promise<AsyncIterableIterator<StoredEvent>>;
  /** The cursor of a fact: opaque, signed, and good for this tenant's log only. */
  cursor(stream: string, seq: number): string;
  /** The sequence a cursor stands for. Throws INVALID_CURSOR for one of another log. */
  seqOf(stream: string, cursor: string): number;
}

export interface EventReaderOptions {
  readonly db: Database;
  readonly tenant: string;
  readonly cursorKey: Uint8Array;
  readonly signal: AbortSignal;
}

export const latest = 'LATEST';

export function eventReader({ db, tenant, cursorKey, signal }: EventReaderOptions): EventReader {
  const cursor = (stream: string, seq: number): string => {
    const text = `${cursorVersion}.${String(seq)}`;
    return Buffer.from(`${text}.${macOf(cursorKey, tenant, stream, text)}`).toString('base64url');
  };
  const seqOf = (stream: string, given: string): number => {
    const [version, seq, mac] = Buffer.from(given, 'base64url').toString('latin1').split('.');
    const text = `${version ?? ''}.${seq ?? ''}`;
    const right = Buffer.from(macOf(cursorKey, tenant, stream, text));
    const told = Buffer.from(mac ?? '');
    const valid =
      version === cursorVersion && told.length === right.length && timingSafeEqual(told, right);
    if (valid) return Number(seq);
    throw new ForgeError('INVALID_CURSOR', 'This cursor does not belong to this list.', {
      field: 'after',
    });
  };
  return {
    cursor,
    seqOf,
    async follow(stream, { after, endsAfter, graceMs = () => undefined }) {
      const start = await db.tx(tenant, async (tx) => {
        const { first, last } = await boundsOf(tx, stream);
        if (after === latest) return last;
        const seq = after === undefined ? 0 : seqOf(stream, after);
        if (seq > last) throw new ForgeError('INVALID_CURSOR', 'This cursor is ahead of its log.');
        if (first > seq + 1 && last > seq) throw expired();
        return seq;
      });
      return followed({ db, tenant, stream, signal }, start, { endsAfter, graceMs });
    },
  };
}

const cursorVersion = 'e1';

function macOf(key: Uint8Array, tenant: string, stream: string, text: string): string {
  const said = JSON.stringify([tenant, stream, text]);
  return createHmac('sha256', key).update(said).digest('base64url').slice(0, 22);
}

function expired(): ForgeError {
  const message =
    'What follows this cursor is no longer kept. Read the thing as it is now, and subscribe without a cursor.';
  return new ForgeError('CURSOR_EXPIRED', message, { field: 'after' });
}

async function boundsOf(tx: Tx, stream: string): Promise<{ first: number; last: number }> {
  const [row]: { first: string | null; last: string }[] = await tx.query(
    `select last_seq as last,
       (select min(seq) from event e where e.tenant_id = s.tenant_id and e.stream = s.stream) as first
     from event_stream s where tenant_id = $1 and stream = $2`,
    [tx.tenant, stream],
  );
  const last = Number(row?.last ?? 0);
  return { last, first: row?.first == null ? last + 1 : Number(row.first) };
}

async function* followed(
  from: Pick<EventReaderOptions, 'db' | 'tenant' | 'signal'> & { readonly stream: string },
  start: number,
  { endsAfter, graceMs }: Required<Pick<FollowOptions, 'endsAfter' | 'graceMs'>>,
): AsyncGenerator<StoredEvent, void, undefined> {
  const { db, tenant, stream, signal } = from;
  const bell = bellOf(db.wakeups, streamTopic(tenant, stream));
  let seq = start;
  let until = Infinity;
  try {
    while (!signal.aborted) {
      // Listening began before the look, so nothing falls between the two.
      bell.quiet();
      const { ended, events } = await db.tx(tenant, async (tx) => {
        // The end is asked for first: once it is there, no fact comes after it.
        const isOver = await isEnded(tx, stream);
        return { ended: isOver, events: await readEvents(tx, stream, seq) };
      });
      for (const event of events) {
        if (event.seq !== seq + 1) throw expired();
        seq = event.seq;
        yield event;
        if (endsAfter(event) || isAborted(signal)) return;
        until = Date.now() + (graceMs(event) ?? Infinity);
      }
      if (events.length > 0) continue;
      // A log that is over has nothing more to give, also to who comes after its last fact.
      if (ended) return;
      const leftMs = until - Date.now();
      if (leftMs <= 0) return;
      await bell.ring(Math.min(pollMs, leftMs), signal);
    }
  } finally {
    bell.remove();
  }
}

async function isEnded(tx: Tx, stream: string): Promise<boolean> {
  const rows: unknown[] = await tx.query(
    `select 1 from event_stream where tenant_id = $1 and stream = $2 and ended_at is not null`,
    [tx.tenant, stream],
  );
  return rows.length > 0;
}

const keptDays = 30;
const sweepMax = 200;

/** Removes the facts of logs that ended more than 30 days ago. Gives how many logs were emptied. */
export async function sweepEvents(db: Database, keptForDays = keptDays): Promise<number> {
  const old = await db.across((tx) =>
    tx.query<{ tenant_id: string; stream: string }>(
      `select tenant_id, stream from event_stream
       where ended_at < now() - make_interval(days => $1) and ended_at < 'infinity'
       order by ended_at limit $2`,
      [keptForDays, sweepMax],
    ),
  );
  for (const { tenant_id: tenant, stream } of old) {
    await db.tx(tenant, async (tx) => {
      await tx.query('delete from event where tenant_id = $1 and stream = $2', [tenant, stream]);
      // The row stays with its sequence, so that an old cursor is told what became of it,
      // and the log stays over. It is not found by a sweep again.
      await tx.query(
        `update event_stream set ended_at = 'infinity' where tenant_id = $1 and stream = $2`,
        [tenant, stream],
      );
    });
  }
  return old.length;
}

function streamTopic(tenant: string, stream: string): string {
  return `events/${tenant}/${stream}`;
}
