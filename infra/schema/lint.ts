import type {
  ConstDirectiveNode,
  DocumentNode,
  FieldDefinitionNode,
  InterfaceTypeDefinitionNode,
  ObjectTypeDefinitionNode,
  TypeNode,
} from 'graphql';
import { Kind, parse, valueFromASTUntyped } from 'graphql';

/** Something in a subgraph's schema that composes, and should not be there. */
export interface Finding {
  /** An error makes answers wrong or unsafe; a warning costs time or hides a size. */
  readonly severity: 'error' | 'warning';
  readonly rule: string;
  readonly subgraph: string;
  /** As `Type.field`. */
  readonly at: string;
  readonly message: string;
}

export interface LintOptions {
  /** Scopes that a caller can have; others would lock everybody out. */
  readonly knownScopes: ReadonlySet<string>;
}

/**
 * Finds what composes but cannot be answered rightly by every planner, as the
 * gateway's own hardening would otherwise have to make up for at run time.
 */
export function lintSubgraph(subgraph: string, sdl: string, options: LintOptions): Finding[] {
  const document = parse(sdl, { noLocation: true });
  const entities = entityNames(document);
  return typesOf(document).flatMap((type) => {
    const fields = type.fields ?? [];
    return [
      ...keyOrder(type),
      ...fields.flatMap((field) => ofField(type, field, entities)),
      ...scopes(type, options),
    ].map((finding) => ({ subgraph, ...finding }));
  });
}

type Found = Omit<Finding, 'subgraph'>;
type FieldsNode = (ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode) & object;

function typesOf({ definitions }: DocumentNode): readonly FieldsNode[] {
  return definitions.flatMap((definition) => {
    switch (definition.kind) {
      case Kind.OBJECT_TYPE_DEFINITION:
      case Kind.INTERFACE_TYPE_DEFINITION:
        return [definition];
      case Kind.OBJECT_TYPE_EXTENSION:
        return [{ ...definition, kind: Kind.OBJECT_TYPE_DEFINITION } as const];
      case Kind.INTERFACE_TYPE_EXTENSION:
        return [{ ...definition, kind: Kind.INTERFACE_TYPE_DEFINITION } as const];
      default:
        return [];
    }
  });
}

function entityNames(document: DocumentNode): ReadonlySet<string> {
  return new Set(
    typesOf(document)
      .filter(({ directives = [] }) => directives.some(({ name }) => name.value === 'key'))
      .map(({ name }) => name.value),
  );
}

/** The planner enters a subgraph by its first key, and follows one that nobody answers. */
function keyOrder({ name, directives = [] }: FieldsNode): readonly Found[] {
  const keys = directives.filter((directive) => directive.name.value === 'key');
  const resolvable = keys.map((key) => argumentOf(key, 'resolvable') !== false);
  const isBehind = resolvable.some((is, index) => is && resolvable.slice(0, index).includes(false));
  if (!isBehind) return [];
  const message =
    'A key with resolvable: false stands before one that can be resolved: put it last.';
  return [{ severity: 'error', rule: 'key-order', at: name.value, message }];
}

function ofField(
  type: FieldsNode,
  field: FieldDefinitionNode,
  entities: ReadonlySet<string>,
): readonly Found[] {
  const at = `${type.name.value}.${field.name.value}`;
  const directives = field.directives ?? [];
  const has = (name: string) => directives.some((directive) => directive.name.value === name);
  const found: Found[] = [];
  const requires = directives.find(({ name }) => name.value === 'requires');
  if (requires && String(argumentOf(requires, 'fields')).includes('(')) {
    const message =
      'Arguments in @requires: two fields that require the same one differently cannot be answered in one fetch. Give the required value a field of its own.';
    found.push({ severity: 'error', rule: 'requires-arguments', at, message });
  }
  if (entities.has(type.name.value) && isSteerable(field)) {
    const message =
      'A client chooses what this text of an entity is: under the alias of a key it would choose what the next subgraph is asked about, at gateways that do not rename aliases.';
    found.push({ severity: 'warning', rule: 'steerable-field', at, message });
  }
  if (isList(field.type) && !isPage(type, field) && !has('listSize') && !has('external')) {
    const message = 'A list without @listSize counts as 10 items in what an operation costs.';
    found.push({ severity: 'warning', rule: 'list-size', at, message });
  }
  if (has('fromContext') || (field.arguments ?? []).some(isFromContext)) {
    const message = 'An argument from a context: not every gateway gives it. Test it here.';
    found.push({ severity: 'warning', rule: 'context', at, message });
  }
  return found;
}

/** The page of a connection has the size that its arguments say. */
function isPage({ name }: FieldsNode, field: FieldDefinitionNode): boolean {
  return name.value.endsWith('Connection') && ['edges', 'nodes'].includes(field.name.value);
}

function isFromContext({
  directives = [],
}: {
  readonly directives?: readonly ConstDirectiveNode[];
}) {
  return directives.some(({ name }) => name.value === 'fromContext');
}

/** A text or id that an argument of the client's decides about. */
function isSteerable({ type, arguments: given = [] }: FieldDefinitionNode): boolean {
  const texts = new Set(['ID', 'String', 'Int']);
  return (
    texts.has(nameOf(type)) && !isList(type) && given.some((one) => texts.has(nameOf(one.type)))
  );
}

/** A scope that nobody can have would be kept by the gateway: nobody may read the field. */
function scopes(type: FieldsNode, { knownScopes }: LintOptions): readonly Found[] {
  const places = [
    { at: type.name.value, directives: type.directives ?? [] },
    ...(type.fields ?? []).map(({ name, directives = [] }) => ({
      at: `${type.name.value}.${name.value}`,
      directives,
    })),
  ];
  return places.flatMap(({ at, directives }) =>
    directives
      .filter(({ name }) => name.value === 'requiresScopes')
      .flatMap((directive) => [argumentOf(directive, 'scopes')].flat(2).map(String))
      .filter((scope) => !knownScopes.has(scope))
      .map((scope): Found => {
        const message = `Nobody has the scope ${JSON.stringify(scope)}: the field would be shut to all.`;
        return { severity: 'error', rule: 'unknown-scope', at, message };
      }),
  );
}

function isList(type: TypeNode): boolean {
  return type.kind === Kind.NON_NULL_TYPE ? isList(type.type) : type.kind === Kind.LIST_TYPE;
}

function nameOf(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : nameOf(type.type);
}

function argumentOf(directive: ConstDirectiveNode, name: string): unknown {
  const node = directive.arguments?.find((one) => one.name.value === name);
  return node ? valueFromASTUntyped(node.value) : undefined;
}
