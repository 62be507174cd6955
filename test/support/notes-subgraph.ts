import { acrossTenants, sqlMigration, tenantTable } from '../../subgraphs/shared/db.ts';
import type { Topic } from '../../subgraphs/shared/topics.ts';

const CreateNotes = sqlMigration(
  'CreateNotes1764000000101',
  `
  create table note (
    tenant_id text not null,
    id text not null,
    text text not null,
    primary key (tenant_id, id)
  );
  ${tenantTable('note')}
  ${acrossTenants('note')}

  create table secret_note (tenant_id text not null, text text not null);
  ${tenantTable('secret_note')}

  create table effect (
    id bigint generated always as identity primary key,
    tenant_id text not null,
    message_id text not null,
    key text not null,
    n integer not null
  );
  ${tenantTable('effect')}
  `,
);

/** A small made-up subgraph, for tests of what all subgraphs stand on. */
export const notes = { name: 'notes', entities: [], migrations: [CreateNotes] } as const;

/** Another one of the same tables. */
export const drafts = { name: 'drafts', entities: [], migrations: [CreateNotes] } as const;

export interface NoteTaken {
  readonly n: number;
}
export const noteTaken: Topic<NoteTaken> = { name: 'notes.taken', to: ['notes'] };
export const noteShared: Topic<NoteTaken> = { name: 'notes.shared', to: ['notes', 'drafts'] };
