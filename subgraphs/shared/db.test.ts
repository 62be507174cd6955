import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import type { TestDatabase } from '../../test/support/database.ts';
import { freshDatabases } from '../../test/support/database.ts';
import { drafts, notes } from '../../test/support/notes-subgraph.ts';
import type { Tx } from './db.ts';
import { isConnectionLost, minorUnits } from './db.ts';
import { sleep } from './time.ts';

let db: TestDatabase;
let neighbour: TestDatabase;

const note = (tx: Tx, id: string, tenant = tx.tenant): Promise<unknown> =>
  tx.query('insert into note values ($1, $2, $3)', [tenant, id, `${tenant} wrote ${id}`]);
const idsOf = async (tenant: string): Promise<string[]> => {
  const rows = await db.tx(tenant, (tx): Promise<{ id: string }[]> =>
    tx.query('select id from note order by id'),
  );
  return rows.map(({ id }) => id);
};

beforeAll(async () => {
  const opened = await freshDatabases([notes, drafts]);
  [db, neighbour] = [...opened.values()] as [TestDatabase, TestDatabase];
});

afterAll(() => Promise.all([db.close(), neighbour.close()]));

describe('a transaction of a tenant', () => {
  it('sees, changes and removes no rows but the tenant’s', async () => {
    await db.tx('acme', (tx) => note(tx, 'a1'));
    await db.tx('globex', (tx) => note(tx, 'g1'));
    expect(await idsOf('acme')).toEqual(['a1']);
    await db.tx('acme', (tx) => tx.query("update note set text = 'taken over'"));
    await db.tx('acme', (tx) => tx.query('delete from note'));
    const { rows } = await db.owner.query('select tenant_id, text from note');
    expect(rows).toEqual([{ tenant_id: 'globex', text: 'globex wrote g1' }]);
  });

  it('adds no row to another tenant, and gives none away', async () => {
    await db.tx('initech', (tx) => note(tx, 'i1'));
    const refused = { code: '42501' };
    await expect(db.tx('initech', (tx) => note(tx, 'i2', 'globex'))).rejects.toMatchObject(refused);
    await expect(
      db.tx('initech', (tx) => tx.query("update note set tenant_id = 'globex'")),
    ).rejects.toMatchObject(refused);
  });

  it('cannot be had without a tenant', async () => {
    await expect(db.tx('', (tx) => note(tx, 'x'))).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('leaves no tenant behind on the connection', async () => {
    await db.tx('acme', (tx) => note(tx, 'left'));
    const rest = await db.across((tx) =>
      tx.query<{ tenant: string }>("select current_setting('forge.tenant', true) as tenant"),
    );
    expect(rest[0]?.tenant ?? '').toBe('');
  });

  it('is all or nothing', async () => {
    const failing = db.tx('atom', async (tx) => {
      await note(tx, 'one');
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await idsOf('atom')).toEqual([]);
  });

  it('works as the subgraph’s own role, which reaches no other subgraph', async () => {
    const asked = 'select current_user as role, current_schema() as schema';
    expect(await db.tx('acme', (tx): Promise<unknown> => tx.query(asked))).toEqual([
      { role: 'forge_notes', schema: 'notes' },
    ]);
    await expect(
      db.tx('acme', (tx) => tx.query('select * from drafts.note')),
    ).rejects.toMatchObject({ code: '42501' });
  });

  it('confines the owner of the tables too, who has forgotten who asks', async () => {
    await db.tx('forced', (tx) => note(tx, 'f1'));
    const owner = new Client(db.url);
    owner.on('error', () => undefined);
    await owner.connect();
    const seen = async (): Promise<unknown[]> =>
      (await owner.query<object>('select tenant_id from notes.note')).rows;
    expect(await seen()).toEqual([]);
    await owner.query("set forge.tenant = 'forced'");
    expect(await seen()).toEqual([{ tenant_id: 'forced' }]);
    await owner.end();
  });
});

describe('a transaction across tenants', () => {
  it('reads what tables allow, of every tenant', async () => {
    await db.tx('north', (tx) => note(tx, 'n1'));
    await db.tx('south', (tx) => note(tx, 's1'));
    const rows = await db.across((tx) =>
      tx.query<object>('select tenant_id from note where tenant_id = any($1) order by 1', [
        ['north', 'south'],
      ]),
    );
    expect(rows).toEqual([{ tenant_id: 'north' }, { tenant_id: 'south' }]);
  });

  it.each([
    "insert into note values ('north', 'x', 'x')",
    "update note set text = 'x'",
    'delete from note',
    'truncate note',
    'select * from note for update',
    'select * from secret_note',
    "update forge.message set payload = '{}'",
    'delete from forge.message',
  ])('is refused what is no reading of those: %s', async (sql) => {
    await expect(db.across((tx) => tx.query(sql))).rejects.toMatchObject({ code: '42501' });
  });
});

describe('work that is run again', () => {
  it('passes after a deadlock, and both sides take effect once', async () => {
    await db.tx('locks', async (tx) => {
      await note(tx, 'left');
      await note(tx, 'right');
    });
    let attempts = 0;
    const append = (tx: Tx, id: string): Promise<unknown> =>
      tx.query("update note set text = text || '+' where id = $1", [id]);
    const crossing = (first: string, second: string): Promise<unknown> =>
      db.tx('locks', async (tx) => {
        attempts += 1;
        await append(tx, first);
        await sleep(100);
        await append(tx, second);
      });
    await Promise.all([crossing('left', 'right'), crossing('right', 'left')]);
    expect(attempts).toBeGreaterThan(2);
    const { rows } = await db.owner.query("select text from note where tenant_id = 'locks'");
    expect(rows).toEqual([{ text: 'locks wrote left++' }, { text: 'locks wrote right++' }]);
  });

  it.each([
    ['40001', 5],
    ['40P01', 5],
    ['23505', 1],
  ])('is given up: SQLSTATE %s after %i attempts', async (code, attemptsMax) => {
    let attempts = 0;
    const failing = db.tx('again', () => {
      attempts += 1;
      return Promise.reject(Object.assign(new Error('conflict'), { code }));
    });
    await expect(failing).rejects.toThrow('conflict');
    expect(attempts).toBe(attemptsMax);
  });

  it.each(['in the middle of a query', 'between two'])(
    'is not run again by itself when the connection is lost %s, and the next one passes',
    async (when) => {
      let attempts = 0;
      const dying = db.tx('lost', async (tx) => {
        attempts += 1;
        const [row]: { pid: number }[] = await tx.query('select pg_backend_pid() as pid');
        const kill = db.owner.query('select pg_terminate_backend($1)', [row?.pid]);
        if (when === 'between two') {
          await kill;
          await sleep(50);
        }
        await tx.query('select pg_sleep(5)');
      });
      const failure: unknown = await dying.catch((error: unknown) => error);
      expect([isConnectionLost(failure), failure]).toEqual([true, failure]);
      expect(attempts).toBe(1);
      await db.tx('lost', (tx) => note(tx, when));
      expect(await idsOf('lost')).toContain(when);
    },
  );
});

describe('amounts', () => {
  it('are never rounded on the way out of the database', () => {
    expect(minorUnits.from('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => minorUnits.from('9007199254740993')).toThrow('too large');
    expect(minorUnits.from(null)).toBeNull();
  });
});
