import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { GraphQLNamedType } from 'graphql';
import {
  getNamedType,
  isInterfaceType,
  isLeafType,
  isObjectType,
  isUnionType,
  parse,
  print,
  validate,
} from 'graphql';
import { graphOf } from './fixtures/graph.ts';
import { monolith, spoofable } from './fixtures/spoofable.ts';
import { hardening } from './hardening.ts';

const graph = graphOf(spoofable);
const { schema } = graph.loaded;
const layer = hardening(graph.loaded);

/** Names that mean something to somebody on the way, and one that does not. */
const names = [
  ...['id', 'cpu', 'price', 'rows', 'n', 'code', 'region', 'name', 'title', 'org', 'parent'],
  ...['budget', 'audited', 'secretCost', '__typename', 'constructor', 'x', 'label', 'echo'],
  ...['forgeAlias_id', 'forgeNull_id', 'forgeApart_1_id', 'forgeKey_id', 'id__alias_0', 'myJob'],
];

/** Takes choices from a list of numbers, so that an operation shrinks with it. */
class Choices {
  readonly #numbers: readonly number[];
  #taken = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  take(below: number): number {
    const number = this.#numbers[this.#taken % this.#numbers.length] ?? 0;
    this.#taken += 1;
    return (number + Math.floor(this.#taken / this.#numbers.length)) % below;
  }

  of<T>(list: readonly T[]): T {
    return list[this.take(list.length)] as T;
  }
}

interface Fragments {
  readonly texts: string[];
}

function selectionsOf(
  type: GraphQLNamedType,
  choices: Choices,
  depth: number,
  fragments: Fragments,
): string {
  const count = 1 + choices.take(4);
  const parts = Array.from({ length: count }, () => selection(type, choices, depth, fragments));
  return `{ ${parts.join(' ')} }`;
}

function selection(
  type: GraphQLNamedType,
  choices: Choices,
  depth: number,
  fragments: Fragments,
): string {
  const conditions: readonly GraphQLNamedType[] =
    isUnionType(type) || isInterfaceType(type) ? schema.getPossibleTypes(type) : [type];
  const kind = choices.take(8);
  if (depth > 0 && (kind < 2 || isUnionType(type))) {
    const condition = choices.of(conditions);
    const inner = selectionsOf(condition, choices, depth - 1, fragments);
    if (kind !== 0) return `... on ${condition.name} ${inner}`;
    const name = `F${String(fragments.texts.length)}`;
    fragments.texts.push(`fragment ${name} on ${condition.name} ${inner}`);
    return choices.take(2) === 0 ? `...${name}` : `...${name} ...${name}`;
  }
  if (!isObjectType(type) && !isInterfaceType(type)) return '__typename';
  const fields = Object.values(type.getFields()).filter(
    (field) => depth > 0 || isLeafType(getNamedType(field.type)),
  );
  if (fields.length === 0) return '__typename';
  const field = choices.of(fields);
  const alias = choices.take(3) === 0 ? '' : `${choices.of(names)}: `;
  const given = field.args.flatMap(({ name, type: argument }) => {
    if (choices.take(3) === 0) return [];
    const values = String(argument) === 'Int' ? ['0', '1', '4'] : ['"victim"', '"USD"', '"EUR"'];
    return [`${name}: ${choices.of(values)}`];
  });
  const condition =
    choices.take(9) === 0 ? choices.of([' @include(if: true)', ' @skip(if: true)']) : '';
  const args = given.length > 0 ? `(${given.join(', ')})` : '';
  const inner = getNamedType(field.type);
  const set = isLeafType(inner) ? '' : ` ${selectionsOf(inner, choices, depth - 1, fragments)}`;
  return `${alias}${field.name}${args}${condition}${set}`;
}

const operation = fc
  .tuple(
    fc.array(fc.nat(9_999), { minLength: 8, maxLength: 60 }),
    fc.constantFrom('query', 'mutation'),
  )
  .map(([numbers, kind]) => {
    const fragments: Fragments = { texts: [] };
    const root = kind === 'query' ? schema.getQueryType() : schema.getMutationType();
    if (!root) throw new Error('no root');
    const set = selectionsOf(root, new Choices(numbers), 4, fragments);
    return `${kind} ${set} ${fragments.texts.join(' ')}`;
  })
  .filter((text) => validate(schema, parse(text)).length === 0);

describe('any operation, rewritten, executed and undone', () => {
  it('gives what one server with the whole graph would give, key by key in its order', async () => {
    await fc.assert(
      fc.asyncProperty(operation, async (query) => {
        const expected = await monolith(schema, query);
        expect(JSON.stringify(await graph.ask(query))).toBe(JSON.stringify(expected));
      }),
      { numRuns: 100, seed: 20_261_124 },
    );
  }, 120_000);

  it('gives it whoever executes it', async () => {
    let renamed = 0;
    await fc.assert(
      fc.asyncProperty(operation, async (query) => {
        const document = parse(query);
        const asked = { document, operationName: undefined, variables: {}, identity: undefined };
        const hardened = layer.harden(asked);
        if (print(hardened.document) !== print(document)) renamed += 1;
        const executed = await monolith(schema, print(hardened.document));
        const expected = await monolith(schema, query);
        expect(JSON.stringify(hardened.restore(executed))).toBe(JSON.stringify(expected));
      }),
      { numRuns: 300, seed: 20_261_125 },
    );
    expect(renamed).toBeGreaterThan(100);
  }, 120_000);
});
