import type { Tx } from '../../shared/db.ts';
import type { JsonValue } from '../../shared/json.ts';
import { isExpired } from '../domain/approval.ts';
import type { ApprovalStep, Playbook } from '../domain/playbook.ts';
import { approvalOfStep, endApproval, requestApproval } from '../store/approvals.ts';
import type { ApprovalRow } from '../store/rows.ts';
import { wishRun } from '../store/runs.ts';
import { changeStep } from '../store/steps.ts';
import type { Course, Flow } from './flow.ts';
import { stopRun, toolCall, wakeTopic } from './flow.ts';

/**
 * Asks people for a decision and waits for it, across restarts and for days.
 *
 * The decision is read from the approval's row; the message that wakes the run
 * carries nothing, so losing or repeating it cannot change the outcome. At the
 * deadline the row is ended under the run's lock: a decision that is in flight
 * is before it or after it, never both.
 */
export async function takeApprovalStep(flow: Flow, step: ApprovalStep): Promise<Course> {
  const { run } = flow;
  if ((await run.tx(`${step.name}:request`, (tx) => request(tx, flow, step))) === 'stop') {
    return 'stop';
  }
  for (let turn = 1; ; turn += 1) {
    const seen = await run.tx(`${step.name}:look#${String(turn)}`, (tx) => look(tx, flow, step));
    if (seen.course !== 'wait') return seen.course;
    await run.wait(wakeTopic, seen.leftMs);
  }
}

async function request(tx: Tx, flow: Flow, step: ApprovalStep): Promise<Course> {
  const at = flow.deps.clock.now();
  const { outcome } = await wishRun(tx, flow.run.id, { kind: 'await-approval' }, flow.by, at);
  if (outcome === 'stopping' || outcome === 'over') return 'stop';
  await changeStep(tx, flow.run.id, step.name, { state: 'WAITING', attempts: 1 }, at);
  const { outputs } = await toolCall(tx, flow, step.name);
  const action = { facts: { ...outputs }, next: lockedBy(flow.playbook, step) };
  await requestApproval(tx, { runId: flow.run.id, step, action }, flow.by, at);
  return 'go-on';
}

/** The steps that an approval lets through: all up to the next approval. */
function lockedBy(playbook: Playbook, step: ApprovalStep): JsonValue[] {
  const rest = playbook.steps.slice(playbook.steps.indexOf(step) + 1);
  const end = rest.findIndex(({ kind }) => kind === 'approval');
  return rest.slice(0, end === -1 ? rest.length : end).map((next) => ({
    step: next.name,
    title: next.title,
    risk: next.risk,
    tool: next.kind === 'tool' ? next.tool : null,
  }));
}

type Seen = { readonly course: Course } | { readonly course: 'wait'; readonly leftMs: number };

async function look(tx: Tx, flow: Flow, step: ApprovalStep): Promise<Seen> {
  const at = flow.deps.clock.now();
  const runId = flow.run.id;
  const { outcome } = await wishRun(tx, runId, { kind: 'await-approval' }, flow.by, at);
  if (outcome === 'stopping' || outcome === 'over') return { course: 'stop' };
  const approval = await approvalOfStep(tx, runId, step.name);
  if (approval?.state === 'PENDING' && !isExpired(approval, at)) {
    return { course: 'wait', leftMs: approval.expiresAt.getTime() - at.getTime() };
  }
  if (approval?.state === 'APPROVED') {
    await changeStep(tx, runId, step.name, { state: 'SUCCEEDED' }, at);
    await wishRun(tx, runId, { kind: 'work' }, flow.by, at);
    return { course: 'go-on' };
  }
  if (approval?.state === 'PENDING') {
    await endApproval(tx, approval, { state: 'EXPIRED', comment: null }, flow.by, at);
  }
  await changeStep(tx, runId, step.name, { state: 'FAILED' }, at);
  return { course: await stopRun(tx, flow, reasonWithout(approval), at) };
}

function reasonWithout(approval: ApprovalRow | null) {
  if (approval?.state === 'REJECTED') {
    const comment = approval.comment === null ? '' : `: ${approval.comment}`;
    const message = `Rejected by ${approval.decidedById ?? 'nobody'}${comment}`;
    return { code: 'APPROVAL_REJECTED', message } as const;
  }
  const deadline = approval?.expiresAt.toISOString() ?? 'its deadline';
  return {
    code: 'APPROVAL_EXPIRED',
    message: `Nobody approved "${approval?.title ?? ''}" before ${deadline}.`,
  } as const;
}
