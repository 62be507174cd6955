import { describe, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { QueryRunner } from 'typeorm';
import { freshUrl } from '../../test/support/database.ts';
import { notes } from '../../test/support/notes-subgraph.ts';
import { migrate, openDatabase, sqlMigration } from './db.ts';
import { createLog } from './log.ts';
import { kernelTables } from './tables.ts';

const log = createLog({ level: 'silent' });

describe('migrations', () => {
  const plan = { name: 'notes', migrations: notes.migrations };
  const rowsOf = async (url: string, sql: string): Promise<unknown[]> => {
    const client = new Client(url);
    await client.connect();
    const { rows } = await client.query<Record<string, unknown>>(sql);
    await client.end();
    return rows;
  };

  it('run once, however many processes start at once and how often', async () => {
    const url = await freshUrl();
    await Promise.all([1, 2, 3, 4].map(() => migrate(url, [plan], kernelTables)));
    await migrate(url, [plan], kernelTables);
    const counted = 'select count(*)::int as times from notes.migration group by name';
    expect(await rowsOf(url, counted)).toEqual([{ times: 1 }, { times: 1 }]);
  });

  it('run in several databases of a server at the same time', async () => {
    const urls = await Promise.all([1, 2, 3, 4, 5, 6].map(() => freshUrl()));
    // Roles belong to the server, so they are made by all of them at once.
    const run = `notes_${randomBytes(4).toString('hex')}`;
    const names = ['one', 'two', 'three'].map((n) => ({ name: `${run}_${n}`, migrations: [] }));
    await Promise.all(urls.map((url) => migrate(url, names, kernelTables)));
    const opened = await Promise.all(
      urls.map((url) => openDatabase({ url, name: `${run}_two`, entities: [], poolMax: 1, log })),
    );
    for (const one of opened) {
      expect(
        await one.tx('acme', (tx): Promise<unknown> => tx.query('select * from event')),
      ).toEqual([]);
      await one.close();
    }
  });

  it('keep what passed before one that fails, and leave nothing of that one', async () => {
    const url = await freshUrl();
    class Broken extends sqlMigration('Broken1764000000102', 'create table half (id integer)') {
      override async up(runner: QueryRunner): Promise<void> {
        await super.up(runner);
        await runner.query('select 1 / 0');
      }
    }
    // TypeORM says so on standard output.
    const said = jest.spyOn(console, 'log').mockReturnValue();
    const broken = { name: 'notes', migrations: [...notes.migrations, Broken] };
    await expect(migrate(url, [broken], kernelTables)).rejects.toThrow('division by zero');
    said.mockRestore();
    const tables =
      "select to_regclass('notes.note')::text as note, to_regclass('notes.half') as half";
    expect(await rowsOf(url, tables)).toEqual([{ note: 'notes.note', half: null }]);

    const Mended = sqlMigration('Mended1764000000102', 'create table half (id integer)');
    await migrate(
      url,
      [{ name: 'notes', migrations: [...notes.migrations, Mended] }],
      kernelTables,
    );
    expect(await rowsOf(url, 'select * from notes.half')).toEqual([]);
  });
});
