import type { DocumentNode, FragmentDefinitionNode, SelectionSetNode } from 'graphql';
import { Kind } from 'graphql';
import { ForgeError } from '../subgraphs/shared/errors.ts';

/** What one request may ask for, and how long it may take. */
export interface Limits {
  readonly bodyBytesMax: number;
  readonly tokensMax: number;
  readonly depthMax: number;
  readonly aliasesMax: number;
  readonly rootFieldsMax: number;
  /** Fields in all, each counted wherever its fragment is spread. */
  readonly selectionsMax: number;
  readonly requestTimeoutMs: number;
  /** How long the other subgraphs may take to complete one event. */
  readonly eventTimeoutMs: number;
  readonly heartbeatMs: number;
  /** How long a client may take nothing of what is ready for it. */
  readonly stallTimeoutMs: number;
  readonly subscriptionsPerConnectionMax: number;
}

export const defaultLimits: Limits = {
  bodyBytesMax: 1_048_576,
  tokensMax: 10_000,
  depthMax: 25,
  aliasesMax: 200,
  rootFieldsMax: 100,
  selectionsMax: 20_000,
  requestTimeoutMs: 30_000,
  eventTimeoutMs: 10_000,
  heartbeatMs: 10_000,
  stallTimeoutMs: 300_000,
  subscriptionsPerConnectionMax: 100,
};

/**
 * Refuses a document that asks for too much, before anything expensive looks
 * at it.
 *
 * Fragments count wherever they are spread, so hiding depth or aliases in them
 * gains nothing; each is measured once, so measuring is linear in the text.
 */
export function checkLimits(document: DocumentNode, limits: Limits): void {
  const measure = measurer(document);
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const { depth, aliases, fields, selections } = measure(definition.selectionSet);
    exceeded('depth', depth, limits.depthMax);
    exceeded('aliases', aliases, limits.aliasesMax);
    exceeded('root fields', fields, limits.rootFieldsMax);
    exceeded('fields in all', selections, limits.selectionsMax);
  }
}

function exceeded(what: string, value: number, max: number): void {
  if (value <= max) return;
  throw new ForgeError(
    'LIMIT_EXCEEDED',
    `The operation has ${String(value)} ${what}, the limit is ${String(max)}. Ask for less, or split it.`,
  );
}

interface Size {
  readonly depth: number;
  readonly aliases: number;
  /** Fields on this level, those of spread fragments included. */
  readonly fields: number;
  /** Fields on this level and below. */
  readonly selections: number;
}

const nothing: Size = { depth: 0, aliases: 0, fields: 0, selections: 0 };

function measurer(document: DocumentNode): (selectionSet: SelectionSetNode) => Size {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      fragments.set(definition.name.value, definition);
    }
  }
  const known = new Map<string, Size>();

  /** Unknown and cyclic spreads measure nothing here: validation refuses them. */
  const sizeOfFragment = (name: string): Size => {
    const measured = known.get(name);
    if (measured) return measured;
    known.set(name, nothing);
    const fragment = fragments.get(name);
    const size = fragment ? measure(fragment.selectionSet) : nothing;
    known.set(name, size);
    return size;
  };

  const measure = (selectionSet: SelectionSetNode): Size => {
    let { depth, aliases, fields, selections } = nothing;
    for (const selection of selectionSet.selections) {
      if (selection.kind === Kind.FIELD) {
        const inner = selection.selectionSet ? measure(selection.selectionSet) : nothing;
        depth = Math.max(depth, inner.depth + 1);
        aliases += inner.aliases + (selection.alias ? 1 : 0);
        fields += 1;
        selections += inner.selections + 1;
      } else {
        const inner =
          selection.kind === Kind.INLINE_FRAGMENT
            ? measure(selection.selectionSet)
            : sizeOfFragment(selection.name.value);
        depth = Math.max(depth, inner.depth);
        aliases += inner.aliases;
        fields += inner.fields;
        selections += inner.selections;
      }
    }
    return { depth, aliases, fields, selections };
  };
  return measure;
}
