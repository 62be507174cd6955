import type { QueryRunner } from 'typeorm';
import type { MigrationClass } from '../../subgraphs/shared/db.ts';
import type { Subgraph } from '../../subgraphs/shared/host.ts';
import { kernelTables } from '../../subgraphs/shared/tables.ts';

/** All changes of tables in the order in which they are made, as SQL to be read. */
export async function databaseSql(subgraphs: readonly Subgraph[]): Promise<string> {
  const parts = [await schemaSql('forge', kernelTables.shared)];
  for (const { name, migrations } of subgraphs) {
    parts.push(await schemaSql(name, [...kernelTables.each, ...migrations]));
  }
  return `-- Written by \`npm run schema\` from the migrations. Nothing reads it.\n\n${parts.join('\n')}`;
}

async function schemaSql(schema: string, migrations: readonly MigrationClass[]): Promise<string> {
  const said: string[] = [];
  const listener = {
    query: (sql: string) => {
      said.push(sql.replace(/^ {2}/gm, '').trim());
      return Promise.resolve();
    },
  };
  for (const Migration of migrations) {
    const migration = new Migration();
    said.push(`-- ${schema}: ${migration.name ?? Migration.name}`);
    await migration.up(listener as unknown as QueryRunner);
  }
  return `create schema ${schema};\nset search_path = ${schema};\n\n${said.join('\n\n')}\n`;
}
