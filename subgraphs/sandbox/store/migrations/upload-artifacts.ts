import { sqlMigration, tenantTable } from '../../../shared/db.ts';

/**
 * What programs on a cluster leave, on its way to being artifacts: one upload of
 * an attempt, by one manifest.
 */
export const uploadArtifacts = sqlMigration(
  'UploadArtifacts1764000000220',
  `
  create table artifact_upload (
    job_id text collate "C" not null,
    attempt integer not null,
    tenant_id text not null,
    manifest_sha256 text not null,
    created_at timestamptz not null,
    committed_at timestamptz,
    primary key (job_id, attempt),
    foreign key (tenant_id, job_id) references job (tenant_id, id)
  );
  ${tenantTable('artifact_upload')}

  create table artifact_upload_entry (
    job_id text collate "C" not null,
    attempt integer not null,
    n integer not null,
    tenant_id text not null,
    path text collate "C" not null,
    bytes bigint,
    sha256 text,
    artifact_id text collate "C",
    tries integer not null default 0,
    stored_at timestamptz,
    why text,
    message text,
    primary key (job_id, attempt, n),
    foreign key (job_id, attempt) references artifact_upload (job_id, attempt) on delete cascade,
    check ((why is null) = (message is null)),
    check (why is not null or (bytes is not null and sha256 is not null and artifact_id is not null)),
    check (stored_at is null or why is null)
  );
  ${tenantTable('artifact_upload_entry')}
  `,
);
