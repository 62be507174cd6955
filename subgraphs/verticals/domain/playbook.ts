import type { InputSchema } from './input-schema.ts';

/** What goes wrong at worst when a step does the wrong thing. */
export const riskClasses = ['READ', 'LOW', 'MEDIUM', 'HIGH'] as const;
export type RiskClass = (typeof riskClasses)[number];

/** The tools that steps may call: fixed by the playbook, never chosen while it runs. */
export const toolNames = [
  'sandbox.submit-job',
  'sandbox.cancel-job',
  'report.draft',
  'report.publish',
  'report.withdraw',
] as const;
export type ToolName = (typeof toolNames)[number];

interface StepBase {
  /** Data that runs in flight hold: never rename one in a published version. */
  readonly name: string;
  readonly title: string;
  readonly risk: RiskClass;
}

/** Calls a tool. The run's id and the step's name are the key of its effect. */
export interface ToolStep extends StepBase {
  readonly kind: 'tool';
  readonly tool: ToolName;
  readonly attemptsMax: number;
  /** What takes the effect back when the run stops later. */
  readonly compensation?: ToolName;
}

/** Waits for the end of the sandbox job that an earlier step submitted. */
export interface JobWaitStep extends StepBase {
  readonly kind: 'job-wait';
  readonly submittedBy: string;
  readonly waitSecondsMax: number;
}

/** Waits for a person's decision, for days if need be. Nobody deciding is a no. */
export interface ApprovalStep extends StepBase {
  readonly kind: 'approval';
  readonly deadlineSeconds: number;
  /** The person who asked for the run may not be the one who lets it go ahead. */
  readonly excludeRequester: boolean;
}

export type PlaybookStep = ToolStep | JobWaitStep | ApprovalStep;

/** A way of working as data. A published version never changes: a change is a new version. */
export interface Playbook {
  /** Names the playbook in all its versions: `vertical.name`. */
  readonly key: string;
  readonly version: number;
  readonly verticalId: string;
  readonly name: string;
  readonly description: string;
  /** The role of the AI employee that acts; the actor of every effect of a run. */
  readonly employee: string;
  /** What the employee may do elsewhere in the graph while it works on this playbook. */
  readonly scopes: readonly string[];
  readonly input: InputSchema;
  readonly steps: readonly PlaybookStep[];
}

/** Names one version: `software-engineering.run-check@1`. */
export function playbookId(playbook: Pick<Playbook, 'key' | 'version'>): string {
  return `${playbook.key}@${String(playbook.version)}`;
}

/**
 * Finds everything that is wrong with a playbook; an empty list is a sound one.
 *
 * A sound playbook cannot surprise its engine: names are unique, a wait comes
 * after what it waits for, each limit is positive, and a step that can do harm
 * (MEDIUM or HIGH) comes after an approval.
 */
export function playbookProblems(playbook: Playbook): string[] {
  const problems: string[] = [];
  const seen = new Map<string, PlaybookStep>();
  let approved = false;

  if (!/^[a-z-]+\.[a-z-]+$/.test(playbook.key)) problems.push('the key is not vertical.name');
  if (!playbook.key.startsWith(`${playbook.verticalId}.`))
    problems.push('the key names another vertical');
  if (!isPositive(playbook.version)) problems.push('the version is not a positive integer');
  if (playbook.steps.length === 0) problems.push('there is no step');

  for (const step of playbook.steps) {
    const wrong = (what: string) => problems.push(`step ${step.name}: ${what}`);
    if (!/^[a-z][a-z-]*$/.test(step.name)) wrong('the name is not lower case words and hyphens');
    if (seen.has(step.name)) wrong('the name is taken');
    if (step.kind === 'tool') {
      if (!isPositive(step.attemptsMax)) wrong('attemptsMax is not a positive integer');
      if (isHarmful(step.risk) && !approved) wrong('the risk needs an approval before it');
    } else if (step.kind === 'job-wait') {
      const source = seen.get(step.submittedBy);
      const submits = source?.kind === 'tool' && source.tool === 'sandbox.submit-job';
      if (!submits) wrong('no earlier step submits the job it waits for');
      if (!isPositive(step.waitSecondsMax)) wrong('waitSecondsMax is not a positive integer');
    } else {
      if (!isPositive(step.deadlineSeconds)) wrong('deadlineSeconds is not a positive integer');
      approved = true;
    }
    seen.set(step.name, step);
  }
  return problems;
}

function isPositive(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

function isHarmful(risk: RiskClass): boolean {
  return risk === 'MEDIUM' || risk === 'HIGH';
}
