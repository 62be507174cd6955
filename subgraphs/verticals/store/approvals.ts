import { In } from 'typeorm';
import type { Actor } from '../../shared/auth.ts';
import { audit } from '../../shared/audit.ts';
import type { Tx } from '../../shared/db.ts';
import { newId } from '../../shared/ids.ts';
import type { ApprovalState } from '../domain/approval.ts';
import type { ApprovalStep } from '../domain/playbook.ts';
import { appendApprovalFact, appendRunFacts } from './facts.ts';
import { ApprovalRow } from './rows.ts';

/** Asks for a decision about what the run does next. The caller holds the run's row. */
export async function requestApproval(
  tx: Tx,
  ask: { readonly runId: string; readonly step: ApprovalStep; readonly action: object },
  by: Actor,
  at: Date,
): Promise<string> {
  const { runId, step } = ask;
  const id = newId('approval');
  await tx.insert(ApprovalRow, {
    id,
    tenantId: tx.tenant,
    runId,
    stepName: step.name,
    state: 'PENDING',
    version: 1,
    title: step.title,
    risk: step.risk,
    action: ask.action,
    excludeRequester: step.excludeRequester,
    requestedAt: at,
    expiresAt: new Date(at.getTime() + step.deadlineSeconds * 1_000),
  });
  await appendRunFacts(tx, runId, [{ type: 'run.approval-requested', approvalId: id }]);
  await appendApprovalFact(tx, { type: 'approval.changed', approvalId: id, state: 'PENDING' });
  await auditApproval(tx, id, 'requested', by, at, { run: runId, risk: step.risk });
  return id;
}

export interface ApprovalEnd {
  readonly state: Exclude<ApprovalState, 'PENDING'>;
  readonly comment: string | null;
}

/**
 * Ends a pending approval of this very version, as a compare-and-set: of any
 * number of racing callers one gets true, and nothing is written for the others.
 */
export async function endApproval(
  tx: Tx,
  approval: Pick<ApprovalRow, 'id' | 'runId' | 'version'>,
  end: ApprovalEnd,
  by: Actor,
  at: Date,
): Promise<boolean> {
  const { id, runId, version } = approval;
  const decidedBy =
    end.state === 'APPROVED' || end.state === 'REJECTED' ? { type: by.type, id: by.id } : null;
  const { affected } = await tx.update(
    ApprovalRow,
    { id, version, state: 'PENDING' },
    {
      state: end.state,
      version: version + 1,
      decidedByType: decidedBy?.type ?? null,
      decidedById: decidedBy?.id ?? null,
      decidedAt: decidedBy ? at : null,
      comment: end.comment,
    },
  );
  if (affected !== 1) return false;
  const { state } = end;
  await appendRunFacts(tx, runId, [
    { type: 'run.approval-decided', approvalId: id, state, decidedBy },
  ]);
  await appendApprovalFact(tx, { type: 'approval.changed', approvalId: id, state });
  await auditApproval(tx, id, state.toLowerCase(), by, at, { run: runId });
  return true;
}

/** Leaves a trace of a decision that did not count. */
export async function auditRefusedDecision(
  tx: Tx,
  approvalId: string,
  by: Actor,
  at: Date,
  facts: { readonly decision: string; readonly why: string },
): Promise<void> {
  await audit(tx, {
    actor: by,
    action: 'approval.decision-refused',
    target: { type: 'Approval', id: approvalId },
    outcome: 'refused',
    facts,
    at,
  });
}

export async function findApproval(tx: Tx, id: string): Promise<ApprovalRow | null> {
  return tx.findOneBy(ApprovalRow, { id });
}

export async function findApprovals(tx: Tx, ids: readonly string[]): Promise<ApprovalRow[]> {
  return tx.findBy(ApprovalRow, { id: In([...ids]) });
}

export async function approvalOfStep(
  tx: Tx,
  runId: string,
  stepName: string,
): Promise<ApprovalRow | null> {
  return tx.findOneBy(ApprovalRow, { runId, stepName });
}

/** The approvals of these runs, in the order in which they were asked for. */
export async function approvalsOfRuns(tx: Tx, runIds: readonly string[]): Promise<ApprovalRow[]> {
  return tx.find(ApprovalRow, { where: { runId: In([...runIds]) }, order: { id: 'ASC' } });
}

/** Takes back what is still being asked for a run that stops. */
export async function cancelApprovals(tx: Tx, runId: string, by: Actor, at: Date): Promise<void> {
  for (const approval of await tx.findBy(ApprovalRow, { runId, state: 'PENDING' })) {
    await endApproval(tx, approval, { state: 'CANCELLED', comment: null }, by, at);
  }
}

export interface ApprovalPage {
  readonly states?: readonly ApprovalState[] | undefined;
  readonly limit: number;
  readonly beforeId: string | undefined;
}

/** One page of the tenant's approvals, the newest first. */
export async function listApprovals(tx: Tx, page: ApprovalPage): Promise<ApprovalRow[]> {
  const query = tx
    .createQueryBuilder(ApprovalRow, 'approval')
    .where('approval.tenant_id = :tenant', { tenant: tx.tenant })
    .orderBy('approval.id', 'DESC')
    .limit(page.limit);
  if (page.states) query.andWhere('approval.state = any(:states)', { states: page.states });
  if (page.beforeId !== undefined) {
    query.andWhere('approval.id < :before', { before: page.beforeId });
  }
  return query.getMany();
}

async function auditApproval(
  tx: Tx,
  id: string,
  what: string,
  actor: Actor,
  at: Date,
  facts: Record<string, string>,
): Promise<void> {
  await audit(tx, {
    actor,
    action: `approval.${what}`,
    target: { type: 'Approval', id },
    outcome: 'success',
    facts,
    at,
  });
}
