import { createHash } from 'node:crypto';
import type { DocumentNode } from 'graphql';
import { Kind, visit } from 'graphql';

/** A label of `@override(from:, label:)`: fields under it move to their new subgraph together. */
export interface OverrideLabel {
  readonly label: string;
  /** For `percent(n)`: of a hundred callers so many are sent to the new subgraph. */
  readonly percent: number | undefined;
}

/** The labels of a supergraph, each once. */
export function overrideLabels(supergraph: DocumentNode): readonly OverrideLabel[] {
  const labels = new Set<string>();
  visit(supergraph, {
    Directive({ name, arguments: given = [] }) {
      if (name.value !== 'join__field') return;
      const value = given.find((one) => one.name.value === 'overrideLabel')?.value;
      if (value?.kind === Kind.STRING) labels.add(value.value);
    },
  });
  return [...labels].sort().map((label) => {
    const text = /^percent\((\d{1,3}(?:\.\d{1,8})?)\)$/.exec(label)?.[1];
    return { label, percent: text === undefined ? undefined : Number(text) };
  });
}

/** What the planner is told of labels, and what of it plans are kept under. */
export interface OverrideChoice {
  readonly conditions: Map<string, boolean>;
  /** Empty when no label is on. */
  readonly key: string;
}

/**
 * Chooses for one caller which labels are on.
 *
 * The same caller is always on the same side of a percentage, so what it reads
 * does not jump between two subgraphs; raising the percentage moves callers
 * one way only. Labels of other kinds are on when the configuration names them.
 */
export function chooseOverrides(
  labels: readonly OverrideLabel[],
  caller: string,
  switchedOn: ReadonlySet<string>,
): OverrideChoice {
  if (labels.length === 0) return noOverrides;
  const conditions = new Map(
    labels.map(({ label, percent }) => [
      label,
      switchedOn.has(label) || (percent !== undefined && shareOf(caller) < percent),
    ]),
  );
  const on = [...conditions].filter(([, isOn]) => isOn).map(([label]) => label);
  return { conditions, key: on.length === 0 ? '' : JSON.stringify(on) };
}

const noOverrides: OverrideChoice = { conditions: new Map(), key: '' };

/** A caller's fixed place among all, from 0 up to but without 100. */
function shareOf(caller: string): number {
  const bytes = createHash('sha256').update(`override\n${caller}`).digest();
  return (bytes.readUInt32BE(0) / 2 ** 32) * 100;
}
