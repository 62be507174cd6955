import type { Context } from './context.ts';
import type { Database, Tx } from './db.ts';
import { isConnectionLost } from './db.ts';
import { ForgeError } from './errors.ts';
import { newId } from './ids.ts';
import type { Log } from './log.ts';
import { inParallel } from './parallel.ts';
import { bellOf, pollMs } from './wakeups.ts';
import { isAborted, sleep } from './time.ts';
import type { Topic } from './topics.ts';

export interface OutgoingMessage<Payload> {
  /** Messages of one key are taken one after another, in the order in which they were left. */
  readonly key: string;
  readonly payload: Payload;
}

/**
 * Leaves a message for the subgraphs of a topic. It is under way if and only if
 * the transaction commits.
 */
export function publish<Payload>(
  tx: Tx,
  topic: Topic<Payload>,
  message: OutgoingMessage<Payload>,
): Promise<void> {
  return publishAll(tx, topic, [message]);
}

/** Leaves many messages of a topic at once, in their order. */
export async function publishAll<Payload>(
  tx: Tx,
  { name, to }: Topic<Payload>,
  messages: readonly OutgoingMessage<Payload>[],
): Promise<void> {
  if (messages.length === 0) return;
  await tx.query(
    `insert into forge.message (message_id, subscriber, topic, tenant_id, key, payload)
     select message_id, subscriber, $2, $3, key, payload
     from unnest($1::text[], $4::text[], $5::jsonb[]) with ordinality as m (message_id, key, payload, n),
       unnest($6::text[]) as subscriber
     order by m.n`,
    [
      messages.map(() => newId('msg')),
      name,
      tx.tenant,
      messages.map(({ key }) => key),
      messages.map(({ payload }) => JSON.stringify(payload)),
      to,
    ],
  );
  for (const subscriber of to) tx.wakeAfterCommit(inboxTopic(subscriber));
}

export interface Delivery<Payload, Deps> {
  readonly tx: Tx;
  readonly payload: Payload;
  readonly messageId: string;
  readonly tenant: string;
  readonly deps: Deps;
}

/** What a subgraph does with the messages of one topic. */
export interface Consumer {
  readonly topic: string;
  // Consumers of many payloads and dependencies stand in one list; `consumer` ties the types.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  handle(delivery: Delivery<any, any>): Promise<void>;
}

/**
 * Says what is done with the messages of a topic.
 *
 * The work and the removal of the message commit together, so a message takes
 * effect once, however often a crash makes it be delivered. The work runs in
 * the message's tenant and has no effect but in its transaction.
 */
export function consumer<Payload, Deps>(
  topic: Topic<Payload>,
  handle: (delivery: Delivery<Payload, Deps>) => Promise<void>,
): Consumer {
  return { topic: topic.name, handle };
}

/** Long enough for messages under way; a reader is not kept waiting for longer. */
const deliveredWithinMs = 5_000;
const lookAgainMs = 100;

/**
 * Waits until every message about a key that was left for this subgraph has
 * taken effect, so that what is read afterwards is up to date.
 *
 * Throws DEADLINE_EXCEEDED when that takes too long: an old answer is never
 * given in its place.
 */
export async function delivered(
  ctx: Pick<Context, 'db' | 'signal' | 'tenant'>,
  key: string,
): Promise<void> {
  const { name } = ctx.db;
  const until = Date.now() + deliveredWithinMs;
  const bell = bellOf(ctx.db.wakeups, takenTopic(name, ctx.tenant, key));
  try {
    for (;;) {
      bell.quiet();
      const rows: unknown[] = await ctx.db.tx((tx) =>
        tx.query(
          `select 1 from forge.message
           where subscriber = $1 and tenant_id = $2 and key = $3 limit 1`,
          [name, tx.tenant, key],
        ),
      );
      if (rows.length === 0) return;
      if (Date.now() > until || ctx.signal.aborted) {
        const message = `${name} is not up to date about ${key} yet. Ask again in a moment.`;
        const hints = { retryable: true, retryAfterMs: 1_000 };
        throw new ForgeError('DEADLINE_EXCEEDED', message, hints);
      }
      await bell.ring(lookAgainMs, ctx.signal);
    }
  } finally {
    bell.remove();
  }
}

const batchMax = 50;
const tenantsMax = 100;
const parallelMax = 4;
const retryMsMax = 60_000;

/**
 * Takes a subgraph's messages until the signal aborts.
 *
 * Several processes may do so at once: they take turns tenant by tenant. A
 * message whose work fails is put off, longer each time, and holds up the later
 * ones of its key only. It is never dropped.
 */
export async function deliverMessages(
  db: Database,
  consumers: readonly Consumer[],
  deps: unknown,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  const inbox: Inbox = {
    db,
    deps,
    log,
    signal,
    consumers: new Map(consumers.map((one) => [one.topic, one])),
  };
  const bell = bellOf(db.wakeups, inboxTopic(db.name));
  try {
    while (!signal.aborted) {
      bell.quiet();
      if (!(await takeRound(inbox))) await bell.ring(pollMs, signal);
    }
  } finally {
    bell.remove();
  }
}

/**
 * Takes what is due, of all tenants. Whether anything was: another look finds
 * more then. What others are taking, and what waits behind a message that is put
 * off, is no reason to look again at once.
 */
async function takeRound(inbox: Inbox): Promise<boolean> {
  const { db, log, signal } = inbox;
  let taken = false;
  try {
    await inParallel(await tenantsWithMessages(db), parallelMax, async (tenant) => {
      if (await drainTenant(inbox, tenant)) taken = true;
    });
  } catch (err) {
    if (isAborted(signal)) return false;
    log.warn({ err, subgraph: db.name }, 'messages cannot be taken at the moment');
    await sleep(250, signal).catch(() => undefined);
  }
  return taken;
}

interface Inbox {
  readonly db: Database;
  readonly deps: unknown;
  readonly consumers: ReadonlyMap<string, Consumer>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

interface MessageRow {
  readonly id: string;
  readonly message_id: string;
  readonly topic: string;
  readonly key: string;
  readonly payload: unknown;
  readonly attempts: number;
  readonly due: boolean;
}

/**
 * Is due, and not behind an earlier one of its key that is put off. Both are asked of
 * one moment: at a later one the earlier message would be due as well, and be missed.
 */
const isNext = `m.subscriber = $1 and m.due_at <= statement_timestamp()
  and not exists (select 1 from forge.message earlier
    where earlier.subscriber = m.subscriber and earlier.tenant_id = m.tenant_id
      and earlier.key = m.key and earlier.id < m.id and earlier.due_at > statement_timestamp())`;

function tenantsWithMessages(db: Database): Promise<string[]> {
  return db.across(async (tx) => {
    const rows = await tx.query<{ tenant_id: string }>(
      `select distinct m.tenant_id from forge.message m where ${isNext} limit $2`,
      [db.name, tenantsMax],
    );
    return rows.map((row) => row.tenant_id);
  });
}

/** Takes what a tenant has until nothing is due. Whether it had anything. */
async function drainTenant(inbox: Inbox, tenant: string): Promise<boolean> {
  const { db, log, signal } = inbox;
  let any = false;
  try {
    for (let taken = batchMax; taken === batchMax && !signal.aborted; any ||= taken > 0) {
      taken = await take(inbox, tenant, batchMax);
    }
  } catch (cause) {
    if (isConnectionLost(cause)) throw cause;
    // Something in the batch does not work: one by one, so that the rest goes on.
    log.debug({ err: cause, subgraph: db.name }, 'a batch of messages failed');
    while (!signal.aborted && (await takeOne(inbox, tenant))) any = true;
  }
  return any;
}

/** Takes up to `max` messages of a tenant in one transaction. Gives how many were taken. */
function take(inbox: Inbox, tenant: string, max: number): Promise<number> {
  return inbox.db.tx(tenant, async (tx) => {
    const rows = await dueMessages(inbox, tx, max);
    for (const row of rows) await handle(inbox, tx, row);
    await remove(inbox, tx, rows);
    return rows.length;
  });
}

/** Takes one message, or puts it off. False when none is due. */
async function takeOne(inbox: Inbox, tenant: string): Promise<boolean> {
  const { db, log } = inbox;
  const tried: MessageRow[] = [];
  try {
    return await db.tx(tenant, async (tx) => {
      const rows = await dueMessages(inbox, tx, 1);
      tried.splice(0, tried.length, ...rows);
      for (const row of rows) await handle(inbox, tx, row);
      await remove(inbox, tx, rows);
      return rows.length > 0;
    });
  } catch (err) {
    const [row] = tried;
    if (!row || isConnectionLost(err)) throw err;
    const { topic, message_id: messageId, attempts } = row;
    log.error({ err, topic, messageId, attempts: attempts + 1 }, 'a message failed and is put off');
    await putOff(db, tenant, row, err);
    return true;
  }
}

/** The oldest messages that may be taken now; whoever holds them keeps others off the tenant. */
async function dueMessages({ db }: Inbox, tx: Tx, max: number): Promise<MessageRow[]> {
  const [lock]: { held: boolean }[] = await tx.query(
    `select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as held`,
    [lockOf(db, tx.tenant)],
  );
  if (!lock?.held) return [];
  return tx.query(
    `select m.id, m.message_id, m.topic, m.key, m.payload, m.attempts from forge.message m
     where ${isNext} and m.tenant_id = $2
     order by m.id limit $3 for update`,
    [db.name, tx.tenant, max],
  );
}

async function handle(inbox: Inbox, tx: Tx, row: MessageRow): Promise<void> {
  const consumerOf = inbox.consumers.get(row.topic);
  if (!consumerOf) {
    throw new Error(`${inbox.db.name} does not know what to do with ${row.topic}`);
  }
  const { payload, message_id: messageId } = row;
  await consumerOf.handle({ tx, payload, messageId, tenant: tx.tenant, deps: inbox.deps });
}

async function remove({ db }: Inbox, tx: Tx, rows: readonly MessageRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query('delete from forge.message where id = any($1)', [rows.map((row) => row.id)]);
  for (const key of new Set(rows.map((row) => row.key))) {
    tx.wakeAfterCommit(takenTopic(db.name, tx.tenant, key));
  }
}

/**
 * Makes a message wait, longer each time. Nobody else may be choosing messages of
 * the tenant meanwhile: they would see the later ones of its key without this one.
 */
async function putOff(db: Database, tenant: string, row: MessageRow, err: unknown): Promise<void> {
  const delayMs = Math.min(retryMsMax, 500 * 2 ** Math.min(row.attempts, 20));
  const why = (err instanceof Error ? err.message : String(err)).slice(0, 500);
  await db.tx(tenant, async (tx) => {
    await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [lockOf(db, tenant)]);
    await tx.query(
      `update forge.message set attempts = attempts + 1, last_error = $2,
         due_at = clock_timestamp() + make_interval(secs => $3) where id = $1`,
      [row.id, why, delayMs / 1_000],
    );
  });
}

/** Held by who takes messages of a tenant. */
function lockOf({ name }: Database, tenant: string): string {
  return `${name}/${tenant}`;
}

function inboxTopic(subscriber: string): string {
  return `inbox/${subscriber}`;
}

function takenTopic(subscriber: string, tenant: string, key: string): string {
  return `taken/${subscriber}/${tenant}/${key}`;
}
