import { join } from 'node:path';
import ts from 'typescript';

export type Schema = Record<string, unknown>;

/** What the double of Stripe answers with, and what it takes, by the names of stripe-node. */
const answers = [
  'PaymentIntent',
  'Charge',
  'Refund',
  'Dispute',
  'Event',
  'BalanceTransaction',
  'Account',
  'AccountLink',
] as const;
const requests = [
  'PaymentIntentCreateParams',
  'PaymentIntentConfirmParams',
  'PaymentIntentCaptureParams',
  'PaymentIntentCancelParams',
  'PaymentIntentListParams',
  'RefundCreateParams',
  'RefundListParams',
  'DisputeUpdateParams',
  'EventListParams',
  'BalanceTransactionListParams',
  'AccountCreateParams',
  'AccountLinkCreateParams',
] as const;

/** Deeper than this, a member may be anything: it is of one kind of payment method. */
const depthMax = 3;

/**
 * Derives JSON schemas of Stripe's objects and parameters from the type
 * declarations of stripe-node: of the very version that is installed.
 *
 * In answers, a word that is not known is right, as Stripe says; in requests it
 * is wrong, and so is a name that is not known.
 */
export function deriveSchemas(packageDir: string): Schema {
  const file = join(packageDir, 'esm/stripe.esm.node.d.ts');
  const program = ts.createProgram([file], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    strict: true,
    skipLibCheck: true,
    types: ['node'],
  });
  const types = exportedTypes(program, [...answers, ...requests]);
  const checker = program.getTypeChecker();
  const of = (name: string, isRequest: boolean): Schema => {
    const type = types.get(name);
    if (!type) throw new Error(`stripe-node does not declare ${name}.`);
    return { ...objectSchema({ checker, isRequest }, type, 0), 'x-name': name };
  };
  return {
    $comment: `Derived from the type declarations of stripe-node (MIT), by infra/simulators/main.ts. ${notice}`,
    answers: Object.fromEntries(answers.map((name) => [name, of(name, false)])),
    requests: Object.fromEntries(requests.map((name) => [name, of(name, true)])),
  };
}

const notice =
  'Copyright (C) 2011 Ask Bjorn Hansen; Copyright (C) 2013 Stripe, Inc. (https://stripe.com). Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions: The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.';

interface Place {
  readonly checker: ts.TypeChecker;
  readonly isRequest: boolean;
}

/** The interfaces of these names, in whatever file each is declared. */
function exportedTypes(program: ts.Program, names: readonly string[]): Map<string, ts.Type> {
  const checker = program.getTypeChecker();
  const found = new Map<string, ts.Type>();
  for (const source of program.getSourceFiles()) {
    // Other products of Stripe have disputes and accounts of their own, in folders below.
    if (!/[/]stripe[/]esm[/]resources[/][^/]+[.]d[.]ts$/.test(source.fileName)) continue;
    for (const statement of source.statements) {
      const isNamed = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
      if (!isNamed || !names.includes(statement.name.text)) continue;
      const symbol = checker.getSymbolAtLocation(statement.name);
      if (symbol) found.set(statement.name.text, checker.getDeclaredTypeOfSymbol(symbol));
    }
  }
  return found;
}

function schemaOf(place: Place, type: ts.Type, depth: number): Schema {
  if (type.isUnion()) return unionSchema(place, type, depth);
  if (type.flags & ts.TypeFlags.StringLike) {
    return type.isStringLiteral() ? { const: type.value } : { type: 'string' };
  }
  if (type.flags & ts.TypeFlags.NumberLike) return { type: place.isRequest ? 'number' : 'integer' };
  if (type.flags & ts.TypeFlags.BooleanLike) return { type: 'boolean' };
  if (type.flags & ts.TypeFlags.Null) return { type: 'null' };
  const { checker } = place;
  if (checker.isArrayType(type)) {
    const [item] = checker.getTypeArguments(type as ts.TypeReference);
    return { type: 'array', ...(item && { items: schemaOf(place, item, depth) }) };
  }
  if (!(type.flags & ts.TypeFlags.Object)) return {};
  if (type.getProperties().length === 0) {
    // Metadata and its like: names of the caller's own.
    return type.getStringIndexType() ? { type: 'object' } : {};
  }
  if (depth >= depthMax || (depth > 0 && isResource(checker, type))) return { type: 'object' };
  return objectSchema(place, type, depth);
}

function objectSchema(place: Place, type: ts.Type, depth: number): Schema {
  const { checker, isRequest } = place;
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  for (const member of checker.getPropertiesOfType(type)) {
    const name = member.getName();
    const isOptional = (member.flags & ts.SymbolFlags.Optional) !== 0;
    const declared = checker.getTypeOfSymbol(member);
    properties[name] = schemaOf(
      place,
      checker.getNonNullableType(declared) === declared
        ? declared
        : withoutUndefined(checker, declared),
      depth + 1,
    );
    if (!isOptional) required.push(name);
  }
  return {
    type: 'object',
    properties,
    ...(required.length > 0 && { required }),
    ...(isRequest && { additionalProperties: false }),
  };
}

/** Of an optional member, what it is when it is there; null is one of its values. */
function withoutUndefined(_checker: ts.TypeChecker, type: ts.Type): ts.Type {
  if (!type.isUnion()) return type;
  const kept = type.types.filter((one) => !(one.flags & ts.TypeFlags.Undefined));
  return kept.length === 1 && kept[0] ? kept[0] : type;
}

function unionSchema(place: Place, type: ts.UnionType, depth: number): Schema {
  const members = type.types.filter((one) => !(one.flags & ts.TypeFlags.Undefined));
  const words = members.filter((one) => one.isStringLiteral()).map(({ value }) => value);
  const isNullable = members.some((one) => one.flags & ts.TypeFlags.Null);
  const others = members.filter(
    (one) => !one.isStringLiteral() && !(one.flags & ts.TypeFlags.Null),
  );
  const nothing = isNullable ? [{ type: 'null' }] : [];
  if (words.length > 0 && others.every((one) => isOpenWord(one))) {
    // Long lists (every currency's error, every payment method) say nothing that is used here.
    const isListed = words.length <= wordsMax && (place.isRequest || others.length === 0);
    const text: Schema = isListed ? { enum: words.sort() } : { type: 'string' };
    return alternatives([text, ...nothing]);
  }
  const kinds = others.map((one) => schemaOf(place, one, depth));
  if (words.length > 0) kinds.push({ enum: words.sort() });
  return alternatives([...unique(kinds), ...nothing]);
}

const wordsMax = 12;

/** The `string & {}` by which stripe-node says that more words may come. */
function isOpenWord(type: ts.Type): boolean {
  return type.isIntersection() || (type.flags & ts.TypeFlags.String) !== 0;
}

function alternatives(kinds: readonly Schema[]): Schema {
  const [only] = kinds;
  if (kinds.length === 1 && only) return only;
  const plain = kinds.every(
    (one) => Object.keys(one).length === 1 && typeof one['type'] === 'string',
  );
  return plain ? { type: kinds.map((one) => one['type']) } : { anyOf: kinds };
}

function unique(kinds: readonly Schema[]): Schema[] {
  return [...new Map(kinds.map((one) => [JSON.stringify(one), one])).values()];
}

function isResource(checker: ts.TypeChecker, type: ts.Type): boolean {
  const object = type.getProperty('object');
  return object !== undefined && checker.getTypeOfSymbol(object).isStringLiteral();
}
