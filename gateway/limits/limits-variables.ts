import { exceeded } from './limits.ts';
import type { Limits } from './limits.ts';

/**
 * Refuses variables that hold too many values, too long texts, or too deep
 * ones. Stops as soon as a limit is passed, however large they are.
 */
export function checkVariableSize(
  variables: Readonly<Record<string, unknown>> | undefined,
  limits: Limits,
): void {
  if (!variables) return;
  let [values, characters] = [0, 0];
  const visit = (value: unknown, depth: number): void => {
    values += 1;
    if (typeof value === 'string') characters += value.length;
    exceeded('values in its variables', values, limits.variableValuesMax);
    exceeded('characters in its variables', characters, limits.variableCharactersMax);
    exceeded('levels in its variables', depth, limits.variableDepthMax);
    if (typeof value !== 'object' || value === null) return;
    for (const inner of Array.isArray(value) ? (value as unknown[]) : Object.values(value)) {
      visit(inner, depth + 1);
    }
  };
  for (const value of Object.values(variables)) visit(value, 1);
}
