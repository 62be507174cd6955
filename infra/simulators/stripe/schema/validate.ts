import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv';
import { root } from '../../../root.ts';
import { StripeError } from '../errors.ts';
import type { Schema } from './derive.ts';

interface Derived {
  readonly answers: Readonly<Record<string, Schema>>;
  readonly requests: Readonly<Record<string, Schema>>;
}

export const schemaPath = join(root, 'infra/simulators/stripe/schema/stripe.json');

/** Checks what comes and goes against the declarations of stripe-node. */
export class Schemas {
  readonly #derived = JSON.parse(readFileSync(schemaPath, 'utf8')) as Derived;
  readonly #ajv = new Ajv2020({ coerceTypes: true, strict: false, allowUnionTypes: true });
  readonly #compiled = new Map<string, ValidateFunction>();

  /** Gives what a request says in the types that it should have; refuses what Stripe has no name for. */
  request(name: string, params: Record<string, unknown>): Record<string, unknown> {
    const validate = this.#validator('requests', name);
    if (validate(params)) return params;
    const [error] = validate.errors ?? [];
    const unknown = error?.params['additionalProperty'] as string | undefined;
    const missing = error?.params['missingProperty'] as string | undefined;
    throw new StripeError(400, {
      type: 'invalid_request_error',
      code: unknown ? 'parameter_unknown' : missing ? 'parameter_missing' : 'parameter_invalid',
      param: unknown ?? missing ?? error?.instancePath.slice(1).replaceAll('/', '.') ?? '',
      message: `${error?.instancePath ?? ''} ${error?.message ?? 'is wrong'}`.trim(),
    });
  }

  /** An answer that Stripe could not give is a fault of the double. */
  answer(name: string, body: object): void {
    const validate = this.#validator('answers', name);
    if (validate(structuredClone(body))) return;
    throw new Error(`The double made a wrong ${name}: ${JSON.stringify(validate.errors)}`);
  }

  /** An object with everything that it must have, empty where nothing is said. */
  blank(name: string): Record<string, unknown> {
    return blankOf(this.#derived.answers[name] ?? {}) as Record<string, unknown>;
  }

  #validator(side: keyof Derived, name: string): ValidateFunction {
    const key = `${side}/${name}`;
    const known = this.#compiled.get(key);
    if (known) return known;
    const schema = this.#derived[side][name];
    if (!schema) throw new Error(`There is no schema of ${name}.`);
    const made = this.#ajv.compile(schema);
    this.#compiled.set(key, made);
    return made;
  }
}

function blankOf(schema: Schema): unknown {
  if ('const' in schema) return schema['const'];
  const kinds = [schema['type']].flat();
  const any = schema['anyOf'] as readonly Schema[] | undefined;
  if (kinds.includes('null') || any?.some(({ type }) => type === 'null')) return null;
  if (any?.[0]) return blankOf(any[0]);
  if (Array.isArray(schema['enum'])) return schema['enum'][0] as unknown;
  switch (kinds[0]) {
    case 'object': {
      const properties = schema['properties'] as Readonly<Record<string, Schema>> | undefined;
      const required = (schema['required'] ?? []) as readonly string[];
      return Object.fromEntries(required.map((name) => [name, blankOf(properties?.[name] ?? {})]));
    }
    case 'array':
      return [];
    case 'string':
      return '';
    case 'boolean':
      return false;
    default:
      return 0;
  }
}
