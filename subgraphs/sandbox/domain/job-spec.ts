import type { TemplateId } from './job-template.ts';
import { findTemplate, jobTemplates } from './job-template.ts';
import { Problems } from './problems.ts';
import type { SpecProblem } from './problems.ts';

/** What a job runs, with what, and for how long: as accepted, every default filled in. */
export interface JobSpec {
  readonly name: string | null;
  readonly labels: readonly NamedValue[];
  readonly template: TemplateId;
  readonly source: string;
  readonly args: readonly string[];
  readonly env: readonly NamedValue[];
  readonly timeoutSeconds: number;
  readonly cpuMillicores: number;
  readonly memoryMib: number;
}

export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

/** A spec as a caller wrote it. */
export interface JobSpecDraft {
  readonly name?: string | null | undefined;
  readonly labels?: readonly NamedValue[] | null | undefined;
  readonly template: string;
  readonly source: string;
  readonly args?: readonly string[] | null | undefined;
  readonly env?: readonly NamedValue[] | null | undefined;
  readonly timeoutSeconds?: number | null | undefined;
  readonly resources?:
    | {
        readonly cpuMillicores?: number | null | undefined;
        readonly memoryMib?: number | null | undefined;
      }
    | null
    | undefined;
}

export const specLimits = {
  sourceBytesMax: 256 * 1_024,
  argsMax: 64,
  argBytesMax: 4 * 1_024,
  envMax: 64,
  envNameBytesMax: 256,
  envValueBytesMax: 8 * 1_024,
  envBytesMax: 128 * 1_024,
  nameLengthMax: 200,
  labelsMax: 32,
  labelValueLengthMax: 256,
  timeoutSeconds: { min: 1, max: 3_600, default: 60 },
  cpuMillicores: { min: 100, max: 4_000, default: 500 },
  /** The least is that of the template, never under this. */
  memoryMib: { min: 32, max: 4_096, default: 256 },
} as const;

export type SpecDecision =
  | { readonly kind: 'accepted'; readonly spec: JobSpec }
  | { readonly kind: 'rejected'; readonly problems: readonly SpecProblem[] };

/**
 * Decides whether a spec can run, and fills in what it leaves out.
 *
 * Says everything that is wrong at once, each with the path of its field, so
 * that a caller mends a spec in one go.
 */
export function decideSpec(draft: JobSpecDraft): SpecDecision {
  const problems = new Problems('spec');
  const template = findTemplate(draft.template);
  if (!template) {
    const known = jobTemplates.map(({ id }) => `"${id}"`).join(', ');
    problems.add('template', `must be one of ${known}.`);
  }
  const { cpuMillicores, memoryMib } = draft.resources ?? {};
  const memory = specLimits.memoryMib;
  const spec = {
    name: checkName(problems, draft.name ?? null),
    labels: checkLabels(problems, draft.labels ?? []),
    template: template?.id ?? 'shell',
    source: checkSource(problems, draft.source),
    args: checkArgs(problems, draft.args ?? []),
    env: checkEnv(problems, draft.env ?? []),
    timeoutSeconds: problems.number(
      'timeoutSeconds',
      draft.timeoutSeconds,
      specLimits.timeoutSeconds,
    ),
    cpuMillicores: problems.number(
      'resources.cpuMillicores',
      cpuMillicores,
      specLimits.cpuMillicores,
    ),
    memoryMib: problems.number('resources.memoryMib', memoryMib, {
      ...memory,
      min: Math.max(memory.min, template?.memoryMibMin ?? 0),
    }),
  };
  const found = problems.list();
  return found.length === 0 ? { kind: 'accepted', spec } : { kind: 'rejected', problems: found };
}

function checkName(problems: Problems, name: string | null): string | null {
  if (name !== null) {
    problems.text('name', name, specLimits.nameLengthMax * 4);
    if (name === '' || name.length > specLimits.nameLengthMax) {
      problems.add('name', `must have 1 to ${String(specLimits.nameLengthMax)} characters.`);
    }
  }
  return name;
}

function checkSource(problems: Problems, source: string): string {
  if (source === '') problems.add('source', 'must not be empty.');
  problems.text('source', source, specLimits.sourceBytesMax);
  return source;
}

function checkArgs(problems: Problems, args: readonly string[]): readonly string[] {
  const { argsMax, argBytesMax } = specLimits;
  if (args.length > argsMax) problems.add('args', `must be at most ${String(argsMax)}.`);
  for (const [n, arg] of args.slice(0, argsMax).entries()) {
    problems.text(`args[${String(n)}]`, arg, argBytesMax);
  }
  return args;
}

const envNamePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;
const labelNamePattern = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
/** Names that say something to Forge itself. */
const reservedEnvPattern = /^FORGE_/i;
const reservedLabelPattern = /^forge([._-]|$)/i;

function checkEnv(problems: Problems, env: readonly NamedValue[]): readonly NamedValue[] {
  const { envMax, envNameBytesMax, envValueBytesMax, envBytesMax } = specLimits;
  if (env.length > envMax) problems.add('env', `must be at most ${String(envMax)}.`);
  const checked = env.slice(0, envMax);
  problems.unique('env', checked);
  let bytes = 0;
  for (const [n, { name, value }] of checked.entries()) {
    const field = `env[${String(n)}]`;
    if (!envNamePattern.test(name) || name.length > envNameBytesMax) {
      problems.add(
        `${field}.name`,
        'must consist of letters, digits and _, and begin with no digit.',
      );
    } else if (reservedEnvPattern.test(name)) {
      problems.add(`${field}.name`, 'must not begin with FORGE_: these names are given by Forge.');
    }
    problems.text(`${field}.value`, value, envValueBytesMax);
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  }
  if (bytes > envBytesMax) {
    problems.add('env', `must be at most ${String(envBytesMax)} bytes in all.`);
  }
  return env;
}

function checkLabels(problems: Problems, labels: readonly NamedValue[]): readonly NamedValue[] {
  const { labelsMax, labelValueLengthMax } = specLimits;
  if (labels.length > labelsMax) problems.add('labels', `must be at most ${String(labelsMax)}.`);
  const checked = labels.slice(0, labelsMax);
  problems.unique('labels', checked);
  for (const [n, { name, value }] of checked.entries()) {
    const field = `labels[${String(n)}]`;
    if (!labelNamePattern.test(name)) {
      const rule = 'must have 1 to 63 letters, digits, dots, dashes or underscores';
      problems.add(`${field}.name`, `${rule}, the first and the last a letter or a digit.`);
    } else if (reservedLabelPattern.test(name)) {
      problems.add(
        `${field}.name`,
        'must not begin with "forge": these labels are given by Forge.',
      );
    }
    problems.text(`${field}.value`, value, labelValueLengthMax);
  }
  return labels;
}
