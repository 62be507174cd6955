import { acrossTenants, sqlMigration, tenantTable } from '../../../shared/db.ts';

/**
 * The content of artifacts lies in a storage outside of the database. Every
 * content is written down here before it is put there, so that none can be there
 * that nobody knows of.
 *
 * What lay in the database until now was of no release and goes with it.
 */
export const storeArtifactsOutside = sqlMigration(
  'StoreArtifactsOutside1764000000202',
  `
  alter table artifact no force row level security;
  delete from artifact;
  alter table artifact force row level security;
  drop table artifact_part;

  create table artifact_content (
    artifact_id text collate "C" primary key,
    tenant_id text not null,
    job_id text collate "C" not null,
    attempt integer not null,
    kept boolean not null default false,
    removing boolean not null default false,
    created_at timestamptz not null,
    foreign key (tenant_id, job_id) references job (tenant_id, id),
    check (not (kept and removing))
  );
  create index artifact_content_for_nothing on artifact_content (created_at) where not kept;
  create index artifact_content_of_job on artifact_content (job_id) where kept;
  ${tenantTable('artifact_content')}
  ${acrossTenants('artifact_content')}
  `,
);
