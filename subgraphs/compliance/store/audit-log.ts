import { Column, Entity, PrimaryColumn } from 'typeorm';
import { minorUnits } from '../../shared/db.ts';
import type { Tx } from '../../shared/db.ts';
import type { RecordedEntry } from '../domain/audit-chain.ts';
import { emptyHead, leafHash, nextHead } from '../domain/audit-chain.ts';
import type { AuditFact, AuditOutcome } from '../domain/audit-entry.ts';
import { entryText } from '../domain/audit-entry.ts';

@Entity({ name: 'audit_chain' })
export class AuditChainRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'bigint', transformer: minorUnits }) size!: number;
  @Column({ type: 'bytea' }) head!: Buffer;
}

@Entity({ name: 'audit_entry' })
export class AuditEntryRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'bigint', transformer: minorUnits }) sequence!: number;
  @Column({ type: 'text' }) id!: string;
  @Column({ type: 'timestamptz' }) at!: Date;
  @Column({ type: 'text', name: 'actor_type' }) actorType!: string;
  @Column({ type: 'text', name: 'actor_id' }) actorId!: string;
  @Column({ type: 'text' }) action!: string;
  @Column({ type: 'text', name: 'target_type' }) targetType!: string;
  @Column({ type: 'text', name: 'target_id' }) targetId!: string;
  @Column({ type: 'text' }) outcome!: AuditOutcome;
  /** The entry's bytes, as they were hashed. The other columns only find it. */
  @Column({ type: 'text' }) text!: string;
  @Column({ type: 'bytea' }) leaf!: Buffer;
  @Column({ type: 'bytea' }) head!: Buffer;
  @Column({ type: 'timestamptz', name: 'recorded_at' }) recordedAt!: Date;
}

/**
 * Appends an entry to its tenant's log, once: an entry whose id is there
 * already is left as it is. Writers take turns on the chain, so the sequence
 * has no hole and no two entries share a place.
 */
export async function appendEntry(tx: Tx, fact: AuditFact, recordedAt: Date): Promise<void> {
  const chain = await lockChain(tx);
  if (await tx.existsBy(AuditEntryRow, { tenantId: tx.tenant, id: fact.id })) return;

  const text = entryText(fact);
  const leaf = leafHash(text);
  const size = chain.size + 1;
  const head = nextHead(chain.head, leaf);
  await tx.insert(AuditEntryRow, {
    tenantId: tx.tenant,
    sequence: size,
    id: fact.id,
    at: fact.at,
    actorType: fact.actor.type,
    actorId: fact.actor.id,
    action: fact.action,
    targetType: fact.target.type,
    targetId: fact.target.id,
    outcome: fact.outcome,
    text,
    leaf,
    head,
    recordedAt,
  });
  await tx.update(AuditChainRow, { tenantId: tx.tenant }, { size, head });
}

/** One entry by its id, if it is this tenant's. */
export function findEntry(tx: Tx, id: string): Promise<AuditEntryRow | null> {
  return tx.findOneBy(AuditEntryRow, { tenantId: tx.tenant, id });
}

/** Where a tenant's log ends. */
export async function readChain(tx: Tx): Promise<{ size: number; head: Buffer }> {
  const chain = await tx.findOneBy(AuditChainRow, { tenantId: tx.tenant });
  return chain ?? { size: 0, head: emptyHead };
}

/** The head of the log after an entry, 0 standing for the empty log; undefined past its end. */
export async function readHeadAfter(tx: Tx, sequence: number): Promise<Buffer | undefined> {
  if (sequence === 0) return emptyHead;
  const row = await tx.findOne(AuditEntryRow, {
    select: { tenantId: true, sequence: true, head: true },
    where: { tenantId: tx.tenant, sequence },
  });
  return row?.head;
}

/** A row as the chain sees it. */
export function recorded(row: AuditEntryRow): RecordedEntry {
  const { sequence, text, leaf, head } = row;
  const columns = {
    tenant: row.tenantId,
    id: row.id,
    at: row.at,
    actor: { type: row.actorType, id: row.actorId },
    action: row.action,
    target: { type: row.targetType, id: row.targetId },
    outcome: row.outcome,
  };
  return { sequence, text, leaf, head, columns };
}

async function lockChain(tx: Tx): Promise<AuditChainRow> {
  const tenantId = tx.tenant;
  const find = () =>
    tx.findOne(AuditChainRow, { where: { tenantId }, lock: { mode: 'pessimistic_write' } });
  const known = await find();
  if (known) return known;
  await tx.query(
    'insert into audit_chain (tenant_id, size, head) values ($1, 0, $2) on conflict do nothing',
    [tenantId, emptyHead],
  );
  return (await find()) ?? tx.findOneByOrFail(AuditChainRow, { tenantId });
}
