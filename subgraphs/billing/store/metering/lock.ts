import type { Tx } from '../../../shared/db.ts';

/** Keeps everybody from adding usage events of the tenant until the transaction ends. */
export async function holdUsage(tx: Tx): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('usage/' || $1::text, 0))`, [
    tx.tenant,
  ]);
}
