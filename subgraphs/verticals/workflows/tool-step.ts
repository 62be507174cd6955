import type { Tx } from '../../shared/db.ts';
import type { ToolStep } from '../domain/playbook.ts';
import { wishRun } from '../store/runs.ts';
import { changeStep } from '../store/steps.ts';
import { grown } from './deps.ts';
import type { Course, Flow } from './flow.ts';
import { hear, stopRun, toolCall, wakeTopic } from './flow.ts';
import type { InsideTool, OutsideTool, ToolAnswer, ToolCall } from './tool.ts';
import { toolbox } from './toolbox.ts';

/** Takes one tool step, or stops the run with the reason why it could not be taken. */
export async function takeToolStep(flow: Flow, step: ToolStep): Promise<Course> {
  const tool = toolbox[step.tool];
  return tool.where === 'inside' ? takeInside(flow, step, tool) : takeOutside(flow, step, tool);
}

/** Effect, step, event and audit entry are one transaction: all of it or nothing. */
async function takeInside(flow: Flow, step: ToolStep, tool: InsideTool): Promise<Course> {
  return flow.run.tx(step.name, async (tx): Promise<Course> => {
    const at = flow.deps.clock.now();
    if ((await begin(tx, flow, step, 1, at)) === 'stop') return 'stop';
    const call = await toolCall(tx, flow, step.name);
    const answer = await tool.call(tx, call, flow.by, at);
    return finish(tx, flow, step, answer, 'TOOL_REFUSED', at);
  });
}

/**
 * Asks until there is an answer, with growing pauses that a cancel cuts short.
 * Without any answer the step stays RUNNING: its effect may have happened, and
 * its compensation takes that into account.
 */
async function takeOutside(flow: Flow, step: ToolStep, tool: OutsideTool): Promise<Course> {
  const { run, deps } = flow;
  const call = await run.tx(`${step.name}:call`, (tx) => toolCall(tx, flow, step.name));
  for (let attempt = 1; attempt <= step.attemptsMax; attempt += 1) {
    const turn = `${step.name}#${String(attempt)}`;
    const begun = await run.tx(`${turn}:begin`, (tx) =>
      begin(tx, flow, step, attempt, deps.clock.now()),
    );
    if (begun === 'stop') return 'stop';
    const heard = await hear(flow, turn, tool, call);
    if (heard.kind !== 'no-answer') {
      return run.tx(`${turn}:finish`, (tx) => finishOutside(tx, flow, step, tool, call, heard));
    }
    if (attempt < step.attemptsMax) {
      await run.wait(wakeTopic, grown(deps.pace.retryMs, deps.pace.retryMsMax, attempt));
    }
  }
  const message = `Step ${step.name} got no answer after ${String(step.attemptsMax)} attempts.`;
  return run.tx(`${step.name}:give-up`, (tx) =>
    stopRun(tx, flow, { code: 'TOOL_UNAVAILABLE', message }, deps.clock.now()),
  );
}

async function finishOutside(
  tx: Tx,
  flow: Flow,
  step: ToolStep,
  tool: OutsideTool,
  call: ToolCall,
  answer: ToolAnswer,
): Promise<Course> {
  const at = flow.deps.clock.now();
  const course = await finish(tx, flow, step, answer, tool.refusedAs, at);
  if (answer.kind === 'done') await tool.record?.(tx, call, answer.output, flow.by, at);
  return course;
}

async function begin(
  tx: Tx,
  flow: Flow,
  step: ToolStep,
  attempts: number,
  at: Date,
): Promise<Course> {
  const { outcome } = await wishRun(tx, flow.run.id, { kind: 'work' }, flow.by, at);
  if (outcome === 'stopping' || outcome === 'over') return 'stop';
  await changeStep(tx, flow.run.id, step.name, { state: 'RUNNING', attempts }, at);
  return 'go-on';
}

/** Writes the answer down, also for a run that was stopped meanwhile: it says what to take back. */
async function finish(
  tx: Tx,
  flow: Flow,
  step: ToolStep,
  answer: ToolAnswer,
  refusedAs: OutsideTool['refusedAs'],
  at: Date,
): Promise<Course> {
  const { outcome } = await wishRun(tx, flow.run.id, { kind: 'work' }, flow.by, at);
  if (answer.kind === 'refused') {
    await changeStep(tx, flow.run.id, step.name, { state: 'FAILED' }, at);
    const message = `Step ${step.name} was refused: ${answer.message} (${answer.code})`;
    return stopRun(tx, flow, { code: refusedAs, message }, at);
  }
  const done = { state: 'SUCCEEDED', output: answer.output } as const;
  await changeStep(tx, flow.run.id, step.name, done, at);
  return outcome === 'stopping' || outcome === 'over' ? 'stop' : 'go-on';
}
