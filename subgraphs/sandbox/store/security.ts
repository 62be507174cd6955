import { IsNull } from 'typeorm';
import type { Tx } from '../../shared/db.ts';
import type { SecurityEvidence, SecurityProfile } from '../domain/security.ts';
import type { AttemptRef } from './program.ts';
import { AttemptRow } from './rows.ts';

/** Writes down what held an attempt, with the probe that saw it hold if there is one. The first word stays. */
export async function recordSecurity(
  tx: Tx,
  { jobId, attempt }: AttemptRef,
  held: SecurityProfile,
): Promise<void> {
  const [probe]: SecurityEvidence[] = await tx.query(
    `select probed_at as "probedAt", cluster_uid as "clusterUid", pool from cluster_probe
     where profile = $1 and outcome = 'HELD' order by probed_at desc limit 1`,
    [held.profile],
  );
  await tx.update(
    AttemptRow,
    { jobId, attempt, security: IsNull() },
    { security: { ...held, evidence: probe ?? null } },
  );
}
