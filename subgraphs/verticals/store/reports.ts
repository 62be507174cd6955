import { In } from 'typeorm';
import type { Actor } from '../../shared/auth.ts';
import { audit } from '../../shared/audit.ts';
import type { Tx } from '../../shared/db.ts';
import { newId } from '../../shared/ids.ts';
import { decideReport } from '../domain/check-report.ts';
import { CheckReportRow } from './rows.ts';

/** Drafts the report of a run. */
export async function draftReport(
  tx: Tx,
  draft: { readonly runId: string; readonly jobId: string; readonly title: string },
  by: Actor,
  at: Date,
): Promise<string> {
  const id = newId('report');
  await tx.insert(CheckReportRow, {
    id,
    tenantId: tx.tenant,
    ...draft,
    state: 'DRAFT',
    createdAt: at,
  });
  await auditReport(tx, id, 'drafted', by, at);
  return id;
}

/**
 * Publishes or withdraws the report of a run and says whether that is now so.
 * A run that never drafted one has nothing to withdraw.
 */
export async function changeReport(
  tx: Tx,
  runId: string,
  wish: 'publish' | 'withdraw',
  by: Actor,
  at: Date,
): Promise<boolean> {
  const report = await tx.findOne(CheckReportRow, {
    where: { runId },
    lock: { mode: 'pessimistic_write' },
  });
  if (!report) return wish === 'withdraw';
  const state = decideReport(report.state, wish);
  if (state === undefined) return (report.state === 'WITHDRAWN') === (wish === 'withdraw');
  const changes = state === 'PUBLISHED' ? { publishedAt: at } : { withdrawnAt: at };
  await tx.update(CheckReportRow, { id: report.id }, { state, ...changes });
  await auditReport(tx, report.id, state.toLowerCase(), by, at);
  return true;
}

export async function reportsOfRuns(tx: Tx, runIds: readonly string[]): Promise<CheckReportRow[]> {
  return tx.findBy(CheckReportRow, { runId: In([...runIds]) });
}

async function auditReport(
  tx: Tx,
  id: string,
  what: string,
  actor: Actor,
  at: Date,
): Promise<void> {
  await audit(tx, {
    actor,
    action: `check-report.${what}`,
    target: { type: 'CheckReport', id },
    outcome: 'success',
    at,
  });
}
