/** The part of JSON Schema that playbook inputs are written in. */
export interface InputSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, InputProperty>>;
  readonly required: readonly string[];
  readonly additionalProperties: false;
}

export type InputProperty =
  | {
      readonly type: 'string';
      readonly description: string;
      readonly minLength?: number;
      readonly maxLength: number;
      readonly pattern?: string;
    }
  | {
      readonly type: 'integer';
      readonly description: string;
      readonly minimum: number;
      readonly maximum: number;
    }
  | {
      readonly type: 'array';
      readonly description: string;
      readonly items: { readonly type: 'string'; readonly maxLength: number };
      readonly maxItems: number;
    };

/** What a run was given, once checked against its playbook's schema. */
export type PlaybookInput = Readonly<Record<string, string | number | readonly string[]>>;

export type InputDecision =
  | { readonly kind: 'accepted'; readonly input: PlaybookInput }
  | { readonly kind: 'rejected'; readonly problems: readonly string[] };

/**
 * Decides whether a run may take this input, and lists every problem at once.
 *
 * The accepted input is a new plain object with the schema's properties only, so
 * that nothing unexpected is stored or handed to a tool.
 */
export function decideInput(schema: InputSchema, value: unknown): InputDecision {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { kind: 'rejected', problems: ['The input must be an object.'] };
  }
  const given = new Map(Object.entries(value));
  const known = new Map(Object.entries(schema.properties));
  const problems: string[] = [];
  const input: [string, string | number | readonly string[]][] = [];

  for (const name of given.keys()) {
    if (!known.has(name)) problems.push(`"${name.slice(0, nameLengthMax)}" is not known.`);
  }
  for (const [name, property] of known) {
    const member: unknown = given.get(name);
    if (member === undefined || member === null) {
      if (schema.required.includes(name)) problems.push(`"${name}" is missing.`);
      continue;
    }
    const problem = propertyProblem(property, member);
    if (problem === undefined) input.push([name, member as string | number | readonly string[]]);
    else problems.push(`"${name}" ${problem}.`);
  }
  return problems.length > 0
    ? { kind: 'rejected', problems }
    : { kind: 'accepted', input: Object.fromEntries(input) };
}

const nameLengthMax = 60;

function propertyProblem(property: InputProperty, value: unknown): string | undefined {
  switch (property.type) {
    case 'string':
      return textProblem(property, value);
    case 'integer':
      return Number.isSafeInteger(value) &&
        (value as number) >= property.minimum &&
        (value as number) <= property.maximum
        ? undefined
        : `must be an integer from ${String(property.minimum)} to ${String(property.maximum)}`;
    case 'array': {
      if (!Array.isArray(value)) return 'must be a list';
      if (value.length > property.maxItems) {
        return `must have at most ${String(property.maxItems)} members`;
      }
      for (const [at, item] of value.entries()) {
        const problem = textProblem(property.items, item);
        if (problem !== undefined) return `has a member ${String(at)} that ${problem}`;
      }
      return undefined;
    }
  }
}

/** Half of a character, which no encoding can carry. */
const loneSurrogate = /\p{Surrogate}/u;

interface TextLimits {
  readonly minLength?: number;
  readonly maxLength: number;
  readonly pattern?: string;
}

function textProblem(limits: TextLimits, value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be text';
  if (value.length < (limits.minLength ?? 0)) return 'must not be empty';
  if (value.length > limits.maxLength) {
    return `must have at most ${String(limits.maxLength)} characters`;
  }
  // Postgres cannot store it, neither as text nor in JSON.
  if (value.includes('\u0000')) return 'must not contain the character U+0000';
  if (loneSurrogate.test(value)) return 'must be well-formed Unicode';
  if (limits.pattern !== undefined && !new RegExp(limits.pattern, 'u').test(value)) {
    return `must match ${limits.pattern}`;
  }
  return undefined;
}
