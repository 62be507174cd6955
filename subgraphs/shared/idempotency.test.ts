import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { TestDatabase } from '../../test/support/database.ts';
import { freshDatabase } from '../../test/support/database.ts';
import { notes } from '../../test/support/notes-subgraph.ts';
import type { Tx } from './db.ts';
import type { KeyedCall, Outcome } from './idempotency.ts';
import { once, sweepIdempotency } from './idempotency.ts';
import type { JsonValue } from './json.ts';
import { sleep } from './time.ts';

let db: TestDatabase;

const contextOf = (tenant: string) => ({
  tenant,
  db: {
    name: db.name,
    wakeups: db.wakeups,
    tx: <T>(work: (tx: Tx) => Promise<T>) => db.tx(tenant, work),
  },
});
const call = (key: string, change: Partial<KeyedCall> = {}): KeyedCall => ({
  operation: 'takeNote',
  key,
  input: { text: 'milk' },
  ...change,
});
/** Writes a row that could be written twice, and answers with it. */
const takeNote = async (tx: Tx): Promise<{ id: string }> => {
  const id = randomUUID();
  await tx.query('insert into note values ($1, $2, $3)', [tx.tenant, id, 'milk']);
  return { id };
};
const notesOf = async (tenant: string): Promise<number> =>
  db.tx(tenant, async (tx) => {
    const rows: unknown[] = await tx.query('select from note');
    return rows.length;
  });
const valueOf = <T>(outcome: Outcome<T>): T | undefined =>
  outcome.kind === 'done' ? outcome.value : undefined;

beforeAll(async () => {
  db = await freshDatabase(notes);
});

afterAll(() => db.close());

describe('a call with a key', () => {
  it('does its work once, of twenty at the same time, and all get the one answer', async () => {
    const ctx = contextOf('twenty');
    const slow = async (tx: Tx): Promise<{ id: string }> => {
      await sleep(50);
      return takeNote(tx);
    };
    const calls = Array.from({ length: 20 }, () => once(ctx, call('k'), slow));
    const outcomes = await Promise.all(calls);
    expect(await notesOf('twenty')).toBe(1);
    expect(new Set(outcomes.map((outcome) => valueOf(outcome)?.id)).size).toBe(1);
    const first = outcomes.filter((one) => one.kind === 'done' && !one.replayed);
    expect(first).toHaveLength(1);
  });

  it('that comes again is given the first answer, whatever has become of the work', async () => {
    const ctx = contextOf('replay');
    const first = await once(ctx, call('k'), takeNote);
    await db.tx('replay', (tx) => tx.query('delete from note'));
    const again = await once(ctx, call('k'), () => Promise.reject(new Error('not to be called')));
    expect(again).toEqual({ ...first, replayed: true });
    expect(await notesOf('replay')).toBe(0);
  });

  it.each([
    ['another input', { input: { text: 'bread' } }],
    ['another operation', { operation: 'tearNote' }],
  ])('that comes again with %s does nothing and is told so', async (_, change) => {
    const tenant = `reused ${Object.keys(change).join()}`;
    const ctx = contextOf(tenant);
    await once(ctx, call('k'), takeNote);
    const other = await once(ctx, call('k', change), takeNote);
    expect(other).toEqual({ kind: 'key-reused', key: 'k' });
    expect(await notesOf(tenant)).toBe(1);
    expect(await once(ctx, call('k'), takeNote)).toMatchObject({ kind: 'done', replayed: true });
  });

  it('with another input is told so also while the first is at work', async () => {
    const ctx = contextOf('race');
    const inputs = Array.from({ length: 8 }, (_, n) => ({ text: n % 2 === 0 ? 'milk' : 'bread' }));
    const outcomes = await Promise.all(
      inputs.map((input) => once(ctx, call('k', { input }), takeNote)),
    );
    expect(await notesOf('race')).toBe(1);
    const kinds = outcomes.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'done')).toHaveLength(4);
    expect(kinds.filter((kind) => kind === 'key-reused')).toHaveLength(4);
  });

  it('has the same input in whatever order its members stand', async () => {
    const ctx = contextOf('order');
    await once(ctx, call('k', { input: { a: 1, b: { c: 2, d: 3 } } }), takeNote);
    const again = await once(ctx, call('k', { input: { b: { d: 3, c: 2 }, a: 1 } }), takeNote);
    expect(again).toMatchObject({ kind: 'done', replayed: true });
  });

  it('is another one for another tenant', async () => {
    const [mine, theirs] = await Promise.all(
      ['mine', 'theirs'].map((tenant) => once(contextOf(tenant), call('same'), takeNote)),
    );
    expect(mine).toMatchObject({ replayed: false });
    expect(theirs).toMatchObject({ replayed: false });
  });

  it('whose work fails leaves no trace and may be tried again', async () => {
    const ctx = contextOf('failing');
    const failing = once(ctx, call('k'), async (tx) => {
      await takeNote(tx);
      throw new Error('the pen broke');
    });
    await expect(failing).rejects.toThrow('the pen broke');
    expect(await notesOf('failing')).toBe(0);
    expect(await once(ctx, call('k', { input: { text: 'bread' } }), takeNote)).toMatchObject({
      kind: 'done',
      replayed: false,
    });
  });

  it('that waits for one whose work fails does the work itself', async () => {
    const ctx = contextOf('successor');
    const failing = once(ctx, call('k'), async () => {
      await sleep(100);
      throw new Error('the pen broke');
    });
    await sleep(30);
    const waiting = once(ctx, call('k'), takeNote);
    await expect(failing).rejects.toThrow('the pen broke');
    expect(await waiting).toMatchObject({ kind: 'done', replayed: false });
    expect(await notesOf('successor')).toBe(1);
  });

  it('whose connection is killed in the middle leaves no trace and may be tried again', async () => {
    const ctx = contextOf('killed');
    const killed = once(ctx, call('k'), async (tx) => {
      await takeNote(tx);
      const [row]: { pid: number }[] = await tx.query('select pg_backend_pid() as pid');
      await db.owner.query('select pg_terminate_backend($1)', [row?.pid]);
    });
    await expect(killed).rejects.toThrow();
    expect(await notesOf('killed')).toBe(0);
    expect(await once(ctx, call('k'), takeNote)).toMatchObject({ replayed: false });
  });

  it('answers the same the first time and again, for every answer that is JSON', async () => {
    const ctx = contextOf('answers');
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ noUnicodeString: false }), async (answer) => {
        fc.pre(!JSON.stringify(answer).includes('\\u0000'));
        const key = randomUUID();
        const work = (): Promise<JsonValue> => Promise.resolve(answer as JsonValue);
        const first = valueOf(await once(ctx, call(key), work));
        const again = valueOf(await once(ctx, call(key), work));
        expect(JSON.stringify(first)).toBe(JSON.stringify(answer));
        expect(again).toEqual(JSON.parse(JSON.stringify(answer)));
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    ['empty', ''],
    ['256 letters', 'x'.repeat(256)],
    ['a zero', 'zero\u0000'],
  ])('is refused when the key is %s', async (_, key) => {
    await expect(once(contextOf('bad'), call(key), takeNote)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'idempotencyKey',
    });
    expect(await notesOf('bad')).toBe(0);
  });

  it.each([
    ['255 letters', 'x'.repeat(255)],
    ['signs', 'ключ 🗝'],
    ['SQL', "'; drop table note; --"],
  ])('takes any other text as its key: %s', async (_, key) => {
    const ctx = contextOf('texts');
    expect(await once(ctx, call(key), takeNote)).toMatchObject({ replayed: false });
    expect(await once(ctx, call(key), takeNote)).toMatchObject({ replayed: true });
  });
});

describe('answers', () => {
  it('are kept for 30 days and then forgotten, of every tenant', async () => {
    const tenants = ['old 1', 'old 2', 'young'];
    for (const tenant of tenants) await once(contextOf(tenant), call('k'), takeNote);
    const age =
      'update idempotency set created_at = now() - make_interval(days => $2) where tenant_id = $1';
    await db.owner.query(age, ['old 1', 31]);
    await db.owner.query(age, ['old 2', 31]);
    await db.owner.query(age, ['young', 29]);
    expect(await sweepIdempotency(db)).toBe(2);
    expect(await sweepIdempotency(db)).toBe(0);
    const again = tenants.map((tenant) => once(contextOf(tenant), call('k'), takeNote));
    expect(await Promise.all(again)).toMatchObject([
      { replayed: false },
      { replayed: false },
      { replayed: true },
    ]);
  });
});
