import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { subgraphNames } from '../../subgraphs/index.ts';
import { permissions } from '../../subgraphs/shared/access.ts';
import { root } from '../root.ts';
import { lintSubgraph } from './lint.ts';

const options = { knownScopes: new Set<string>(permissions) };
const rulesIn = (sdl: string) =>
  lintSubgraph('one', sdl, options).map(({ severity, rule, at }) => `${severity} ${rule} ${at}`);

describe('the lint of subgraphs', () => {
  it.each([
    [
      'type A @key(fields: "id", resolvable: false) @key(fields: "x") { id: ID x: ID }',
      ['error key-order A'],
    ],
    ['type A @key(fields: "x") @key(fields: "id", resolvable: false) { id: ID x: ID }', []],
    [
      'extend type A @key(fields: "id") { b: Int @requires(fields: "c(d: 1) { e }") }',
      ['error requires-arguments A.b'],
    ],
    ['type A @key(fields: "id") { b: Int @requires(fields: "c { e }") }', []],
    [
      'type A @key(fields: "id") { label(text: String): String }',
      ['warning steerable-field A.label'],
    ],
    ['type A { label(text: String): String }', []],
    ['type A { many: [Int!]! }', ['warning list-size A.many']],
    ['type A { many: [Int!]! @listSize(assumedSize: 3) }', []],
    ['type AConnection { edges: [Int!]! nodes: [Int!]! }', []],
    ['type A { b(c: Int @fromContext(field: "$d { e }")): Int }', ['warning context A.b']],
    [
      'type A { b: Int @requiresScopes(scopes: [["sandbox:read", "nonsense"]]) }',
      ['error unknown-scope A.b'],
    ],
    ['interface A @requiresScopes(scopes: [["x"]]) { b: Int }', ['error unknown-scope A']],
  ])('says of %s: %j', (sdl, findings) => {
    expect(rulesIn(sdl)).toEqual(findings);
  });

  it.each(subgraphNames)('finds nothing in %s', async (name) => {
    const sdl = await readFile(join(root, 'schema', `${name}.graphql`), 'utf8');
    expect(lintSubgraph(name, sdl, options)).toEqual([]);
  });
});
