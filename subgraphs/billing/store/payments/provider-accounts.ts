import { IsNull } from 'typeorm';
import type { AcrossTx, Tx } from '../../../shared/db.ts';
import { newId } from '../../../shared/ids.ts';
import type { ProviderName } from './rows.ts';
import { ProviderAccountRow } from './rows.ts';

/**
 * The tenant's part of the platform's own account with a provider, made on first
 * use. Two first uses at once make one.
 */
export async function platformAccount(
  tx: Tx,
  provider: ProviderName,
  mode: ProviderAccountRow['mode'],
  at: Date,
): Promise<ProviderAccountRow> {
  const known = await findPlatformAccount(tx, provider);
  if (known) return known;
  await tx.query(
    `insert into provider_account
       (id, tenant_id, provider, mode, status, created_at, connected_at)
     values ($1, $2, $3, $4, 'ACTIVE', $5, $5) on conflict do nothing`,
    [newId('account'), tx.tenant, provider, mode, at],
  );
  const made = await findPlatformAccount(tx, provider);
  if (!made) throw new Error(`The account of ${tx.tenant} with ${provider} is gone.`);
  return made;
}

export function findProviderAccount(tx: Tx, id: string): Promise<ProviderAccountRow | null> {
  return tx.findOne(ProviderAccountRow, { where: { id } });
}

/** The tenant's account that a provider knows by an id of its own. */
export function accountByExternalId(
  tx: Tx,
  provider: ProviderName,
  externalId: string,
): Promise<ProviderAccountRow | null> {
  return tx.findOne(ProviderAccountRow, { where: { tenantId: tx.tenant, provider, externalId } });
}

/** Nothing is asked of an account that the provider has revoked, until it is connected again. */
export async function revokeAccount(tx: Tx, id: string, at: Date): Promise<void> {
  await tx.update(ProviderAccountRow, { id }, { status: 'REVOKED', revokedAt: at });
}

/** Whose account with a provider it is: by our id of it, or by the provider's. */
export async function ownerOfAccount(
  tx: AcrossTx,
  provider: ProviderName,
  by: { readonly id: string } | { readonly externalId: string },
): Promise<
  { readonly tenant: string; readonly id: string; readonly externalId: string | null } | undefined
> {
  const column = 'id' in by ? 'id' : 'external_id';
  const [row] = await tx.query<{ tenant_id: string; id: string; external_id: string | null }>(
    `select tenant_id, id, external_id from provider_account
     where provider = $1 and ${column} = $2 order by created_at desc limit 1`,
    [provider, 'id' in by ? by.id : by.externalId],
  );
  return row && { tenant: row.tenant_id, id: row.id, externalId: row.external_id };
}

function findPlatformAccount(tx: Tx, provider: ProviderName): Promise<ProviderAccountRow | null> {
  return tx.findOne(ProviderAccountRow, {
    where: { tenantId: tx.tenant, provider, externalId: IsNull(), status: 'ACTIVE' },
  });
}
