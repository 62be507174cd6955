import { audit } from '../../shared/audit.ts';
import type { Tx } from '../../shared/db.ts';
import type { Compensation, StepState } from '../domain/run.ts';
import { compensationsOf } from '../domain/run.ts';
import { lockRun, wishRun } from '../store/runs.ts';
import { changeStep, stepsOf } from '../store/steps.ts';
import { grown } from './deps.ts';
import type { Flow } from './flow.ts';
import { hear, toolCall, wakeTopic } from './flow.ts';
import type { OutsideTool, ToolCall } from './tool.ts';
import { toolbox } from './toolbox.ts';

/** Long enough to outlive an outage of hours; a person sees what is left after it. */
const attemptsMax = 60;

/**
 * Takes back what a stopped run did, the last effect first, and closes the run.
 *
 * What cannot be taken back in the end is marked COMPENSATION_FAILED and audited
 * as a failure; it does not keep the rest from being taken back.
 */
export async function compensate(flow: Flow): Promise<void> {
  const { run, deps, by } = flow;
  const plan = await run.tx('compensate:plan', (tx) => planned(tx, flow));
  for (const { stepName, tool: toolName } of plan) {
    const tool = toolbox[toolName];
    if (tool.where === 'outside') {
      await takeBackOutside(flow, stepName, tool);
      continue;
    }
    await run.tx(`compensate:${stepName}`, async (tx) => {
      const at = deps.clock.now();
      const answer = await tool.call(tx, await toolCall(tx, flow, stepName), by, at);
      await settle(tx, flow, stepName, answer.kind === 'done', at);
    });
  }
  await run.tx('compensate:close', async (tx) => {
    await wishRun(tx, run.id, { kind: 'close' }, by, deps.clock.now());
  });
}

/** Marks what will not be done any more and lists what must be taken back. */
async function planned(tx: Tx, { run, playbook, deps }: Flow): Promise<Compensation[]> {
  const at = deps.clock.now();
  await lockRun(tx, run.id);
  const steps = await stepsOf(tx, [run.id]);
  const plan = compensationsOf(playbook, steps);
  const kept = new Set(plan.map(({ stepName }) => stepName));
  for (const { name, state } of steps) {
    const left = kept.has(name) ? undefined : leftAs[state];
    if (left !== undefined) await changeStep(tx, run.id, name, { state: left }, at);
  }
  return plan;
}

const leftAs: Readonly<Partial<Record<StepState, StepState>>> = {
  PENDING: 'SKIPPED',
  WAITING: 'SKIPPED',
  RUNNING: 'FAILED',
};

async function takeBackOutside(flow: Flow, stepName: string, tool: OutsideTool): Promise<void> {
  const { run, deps } = flow;
  const call = await run.tx(`compensate:${stepName}:call`, (tx) => begin(tx, flow, stepName, tool));
  if (call === null) return;
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const heard = await hear(flow, `compensate:${stepName}#${String(attempt)}`, tool, call);
    if (heard.kind === 'no-answer' && attempt < attemptsMax) {
      await run.wait(wakeTopic, grown(deps.pace.retryMs, deps.pace.retryMsMax, attempt));
      continue;
    }
    await run.tx(`compensate:${stepName}:finish`, (tx) =>
      settle(tx, flow, stepName, heard.kind === 'done', deps.clock.now()),
    );
    return;
  }
}

/** Gives the call to make; null when nothing is left to take back. */
async function begin(
  tx: Tx,
  flow: Flow,
  stepName: string,
  tool: OutsideTool,
): Promise<ToolCall | null> {
  await lockRun(tx, flow.run.id);
  const call = await toolCall(tx, flow, stepName);
  if (await tool.isSettled?.(tx, call)) return null;
  await changeStep(tx, flow.run.id, stepName, { state: 'COMPENSATING' }, flow.deps.clock.now());
  return call;
}

async function settle(
  tx: Tx,
  { run, by }: Flow,
  stepName: string,
  done: boolean,
  at: Date,
): Promise<void> {
  await lockRun(tx, run.id);
  const state = done ? 'COMPENSATED' : 'COMPENSATION_FAILED';
  await changeStep(tx, run.id, stepName, { state }, at);
  await audit(tx, {
    actor: by,
    action: `playbook-run.step-${done ? 'compensated' : 'compensation-failed'}`,
    target: { type: 'PlaybookRun', id: run.id },
    outcome: done ? 'success' : 'failure',
    facts: { step: stepName },
    at,
  });
}
