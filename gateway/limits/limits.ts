import type {
  DocumentNode,
  FragmentDefinitionNode,
  SelectionNode,
  SelectionSetNode,
} from 'graphql';
import { Kind } from 'graphql';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import { checkMerges } from './limits-merges.ts';

/** What one tenant may ask for. */
export interface TenantLimits {
  /** Of one operation, as the cost directives have it. */
  readonly costMax: number;
  /** Operations of one actor in the long run, and at once. */
  readonly requestsPerSecond: number;
  readonly requestsBurst: number;
  /** Documents that were not seen before: reading and planning them takes the time of all. */
  readonly newDocumentsPerSecond: number;
  readonly newDocumentsBurst: number;
  /** Operations under way at once, and waiting for their turn. */
  readonly concurrentMax: number;
  readonly queuedMax: number;
  readonly queueTimeoutMs: number;
}

/** What one request may ask for, and how long it may take. */
export interface Limits {
  readonly bodyBytesMax: number;
  readonly tokensMax: number;
  /** Brackets of all kinds within each other, before the text is parsed. */
  readonly nestingMax: number;
  readonly depthMax: number;
  readonly aliasesMax: number;
  readonly rootFieldsMax: number;
  /** Fields in all, each counted wherever its fragment is spread. */
  readonly selectionsMax: number;
  /** Pairs of fields that stand under one response key and have to be compared. */
  readonly mergesMax: number;
  readonly directivesPerFieldMax: number;
  readonly directivesMax: number;
  /** Values in the variables, those in lists and inputs included, and characters of texts. */
  readonly variableValuesMax: number;
  readonly variableCharactersMax: number;
  readonly variableDepthMax: number;
  /** What a list counts for of which the graph says no size. */
  readonly listSizeDefault: number;
  readonly tenant: TenantLimits;
  /** What is otherwise for some tenants. */
  readonly tenants: Readonly<Record<string, Partial<TenantLimits>>>;
  readonly requestTimeoutMs: number;
  /** How long the other subgraphs may take to complete one event. */
  readonly eventTimeoutMs: number;
  readonly heartbeatMs: number;
  /** How long a client may take nothing of what is ready for it. */
  readonly stallTimeoutMs: number;
  readonly subscriptionsPerConnectionMax: number;
  /** Open at once, over all transports. */
  readonly subscriptionsPerActorMax: number;
  readonly subscriptionsPerTenantMax: number;
  readonly subscriptionsMax: number;
  /** What waits for one slow reader of a stream that others read as well. */
  readonly queuedResultsMax: number;
  readonly queuedCharactersMax: number;
  /** How long a client may leave pings without an answer. */
  readonly pongTimeoutMs: number;
  /** How long before its end a token is told to end. */
  readonly tokenWarningMs: number;
}

export const defaultLimits: Limits = {
  bodyBytesMax: 1_048_576,
  tokensMax: 10_000,
  nestingMax: 200,
  depthMax: 25,
  aliasesMax: 200,
  rootFieldsMax: 100,
  selectionsMax: 20_000,
  mergesMax: 10_000,
  directivesPerFieldMax: 8,
  directivesMax: 200,
  variableValuesMax: 10_000,
  variableCharactersMax: 1_000_000,
  variableDepthMax: 25,
  listSizeDefault: 10,
  tenant: {
    costMax: 50_000,
    requestsPerSecond: 500,
    requestsBurst: 1_000,
    newDocumentsPerSecond: 20,
    newDocumentsBurst: 500,
    concurrentMax: 64,
    queuedMax: 256,
    queueTimeoutMs: 5_000,
  },
  tenants: {},
  requestTimeoutMs: 30_000,
  eventTimeoutMs: 10_000,
  heartbeatMs: 10_000,
  stallTimeoutMs: 300_000,
  subscriptionsPerConnectionMax: 100,
  subscriptionsPerActorMax: 1_000,
  subscriptionsPerTenantMax: 10_000,
  subscriptionsMax: 50_000,
  queuedResultsMax: 128,
  queuedCharactersMax: 1_048_576,
  pongTimeoutMs: 20_000,
  tokenWarningMs: 60_000,
};

/** The limits of one tenant; those of everybody without one. */
export function tenantLimits(
  { tenant, tenants }: Pick<Limits, 'tenant' | 'tenants'>,
  name: string | undefined,
): TenantLimits {
  const own = name !== undefined && Object.hasOwn(tenants, name) ? tenants[name] : undefined;
  return own ? { ...tenant, ...own } : tenant;
}

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
    const size = measure(definition.selectionSet);
    exceeded('depth', size.depth, limits.depthMax);
    exceeded('aliases', size.aliases, limits.aliasesMax);
    exceeded('root fields', size.fields, limits.rootFieldsMax);
    exceeded('fields in all', size.selections, limits.selectionsMax);
    const own = definition.directives?.length ?? 0;
    exceeded('directives', size.directives + own, limits.directivesMax);
    const most = Math.max(size.directivesPerField, own);
    exceeded('directives at one place', most, limits.directivesPerFieldMax);
    // Only what is small enough to be walked through is.
    checkMerges(document, definition, limits.mergesMax);
  }
}

/** Refuses what is more than the limit. */
export function exceeded(what: string, value: number, max: number): void {
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
  readonly directives: number;
  /** The most at one field or fragment. */
  readonly directivesPerField: number;
}

const nothing: Size = {
  ...{ depth: 0, aliases: 0, fields: 0, selections: 0, directives: 0, directivesPerField: 0 },
};

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

  const sizeOf = (selection: SelectionNode): Size => {
    if (selection.kind === Kind.FIELD) {
      const inner = selection.selectionSet ? measure(selection.selectionSet) : nothing;
      return {
        ...inner,
        depth: inner.depth + 1,
        aliases: inner.aliases + (selection.alias ? 1 : 0),
        fields: 1,
        selections: inner.selections + 1,
      };
    }
    return selection.kind === Kind.INLINE_FRAGMENT
      ? measure(selection.selectionSet)
      : sizeOfFragment(selection.name.value);
  };

  const measure = (selectionSet: SelectionSetNode): Size => {
    let { depth, aliases, fields, selections, directives, directivesPerField } = nothing;
    for (const selection of selectionSet.selections) {
      const inner = sizeOf(selection);
      const own = selection.directives?.length ?? 0;
      depth = Math.max(depth, inner.depth);
      aliases += inner.aliases;
      fields += inner.fields;
      selections += inner.selections;
      directives += inner.directives + own;
      directivesPerField = Math.max(directivesPerField, inner.directivesPerField, own);
    }
    return { depth, aliases, fields, selections, directives, directivesPerField };
  };
  return measure;
}
