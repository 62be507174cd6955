import { In } from 'typeorm';
import type { Actor } from '../../shared/auth.ts';
import { audit } from '../../shared/audit.ts';
import type { Tx } from '../../shared/db.ts';
import { notFound } from '../../shared/errors.ts';
import { endStream } from '../../shared/events.ts';
import { newId } from '../../shared/ids.ts';
import type { PlaybookInput } from '../domain/input-schema.ts';
import type { Playbook } from '../domain/playbook.ts';
import { playbookId } from '../domain/playbook.ts';
import type { RunReason, RunState, RunStatus, RunWish } from '../domain/run.ts';
import { decideRun, isOver } from '../domain/run.ts';
import { cancelApprovals } from './approvals.ts';
import { appendRunFacts, runStream } from './facts.ts';
import { PlaybookRunRow, RunStepRow } from './rows.ts';

export interface NewRun {
  readonly playbook: Playbook;
  readonly input: PlaybookInput;
  readonly requestedBy: Actor;
  readonly at: Date;
}

/** Queues a run with all its steps; its event and audit entry commit with it. */
export async function insertRun(tx: Tx, order: NewRun): Promise<string> {
  const { playbook, requestedBy, at } = order;
  const id = newId('run');
  await tx.insert(PlaybookRunRow, {
    id,
    tenantId: tx.tenant,
    playbookKey: playbook.key,
    playbookVersion: playbook.version,
    state: 'QUEUED',
    reasonCode: null,
    reasonMessage: null,
    input: order.input,
    requestedByType: requestedBy.type,
    requestedById: requestedBy.id,
    createdAt: at,
  });
  await tx.insert(
    RunStepRow,
    playbook.steps.map(({ name }, position) => ({
      runId: id,
      tenantId: tx.tenant,
      name,
      position,
      state: 'PENDING' as const,
      attempts: 0,
    })),
  );
  await appendRunFacts(tx, id, [{ type: 'run.state-changed', state: 'QUEUED', reason: null }]);
  await auditRun(tx, id, 'queued', requestedBy, at, { playbook: playbookId(playbook) });
  return id;
}

/**
 * Brings a run closer to what is wished, as far as `decideRun` allows it, and
 * holds its row until the transaction ends. The state, its event and its audit
 * entry commit together. Throws NOT_FOUND for a missing and for a foreign run.
 */
export async function wishRun(
  tx: Tx,
  runId: string,
  wish: RunWish,
  by: Actor,
  at: Date,
): Promise<{ run: PlaybookRunRow; outcome: 'changed' | 'same' | 'stopping' | 'over' }> {
  const run = await lockRun(tx, runId);
  const decision = decideRun({ state: run.state, reason: reasonOf(run) }, wish);
  if (decision.kind !== 'change') return { run, outcome: decision.kind };
  await writeStatus(tx, run, decision.to, by, at);
  // A run that stops asks nobody any more.
  if (decision.to.state === 'COMPENSATING') await cancelApprovals(tx, runId, by, at);
  return { run, outcome: 'changed' };
}

/** Holds the run's row, so that nobody else changes the run until the transaction ends. */
export async function lockRun(tx: Tx, runId: string): Promise<PlaybookRunRow> {
  const run = await tx.findOne(PlaybookRunRow, {
    where: { id: runId },
    lock: { mode: 'pessimistic_write' },
  });
  if (!run) throw notFound('Playbook run');
  return run;
}

export async function findRun(tx: Tx, runId: string): Promise<PlaybookRunRow | null> {
  return tx.findOne(PlaybookRunRow, { where: { id: runId } });
}

export async function findRuns(tx: Tx, ids: readonly string[]): Promise<PlaybookRunRow[]> {
  return tx.find(PlaybookRunRow, { where: { id: In([...ids]) } });
}

export interface RunPage {
  readonly states?: readonly RunState[] | undefined;
  readonly playbookKey?: string | undefined;
  readonly limit: number;
  readonly beforeId: string | undefined;
}

/** One page of the tenant's runs, the newest first. */
export async function listRuns(tx: Tx, page: RunPage): Promise<PlaybookRunRow[]> {
  const query = tx
    .createQueryBuilder(PlaybookRunRow, 'run')
    .where('run.tenant_id = :tenant', { tenant: tx.tenant })
    .orderBy('run.id', 'DESC')
    .limit(page.limit);
  if (page.states) query.andWhere('run.state = any(:states)', { states: page.states });
  if (page.playbookKey !== undefined) {
    query.andWhere('run.playbook_key = :key', { key: page.playbookKey });
  }
  if (page.beforeId !== undefined) query.andWhere('run.id < :before', { before: page.beforeId });
  return query.getMany();
}

export function reasonOf(run: PlaybookRunRow): RunReason | null {
  return run.reasonCode === null || run.reasonMessage === null
    ? null
    : { code: run.reasonCode, message: run.reasonMessage };
}

/** Writes a status into the row and into the log; a last one ends the log. */
async function writeStatus(
  tx: Tx,
  run: PlaybookRunRow,
  { state, reason }: RunStatus,
  by: Actor,
  at: Date,
): Promise<void> {
  const over = isOver(state);
  const changes = {
    state,
    reasonCode: reason?.code ?? null,
    reasonMessage: reason?.message ?? null,
    startedAt: run.startedAt ?? (state === 'RUNNING' ? at : null),
    finishedAt: over ? at : null,
  };
  await tx.update(PlaybookRunRow, { id: run.id }, changes);
  Object.assign(run, changes);
  await appendRunFacts(tx, run.id, [
    { type: 'run.state-changed', state, reason },
    ...(over ? [{ type: 'run.finished', state, reason } as const] : []),
  ]);
  if (over) await endStream(tx, runStream(run.id));
  const facts = reason === null ? {} : { reason: reason.code };
  await auditRun(tx, run.id, state.toLowerCase().replaceAll('_', '-'), by, at, facts);
}

async function auditRun(
  tx: Tx,
  runId: string,
  what: string,
  actor: Actor,
  at: Date,
  facts: Record<string, string>,
): Promise<void> {
  await audit(tx, {
    actor,
    action: `playbook-run.${what}`,
    target: { type: 'PlaybookRun', id: runId },
    outcome: what === 'failed' ? 'failure' : 'success',
    facts,
    at,
  });
}
