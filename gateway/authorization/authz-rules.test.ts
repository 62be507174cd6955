import { describe, expect, it } from '@jest/globals';
import { buildASTSchema, parse } from 'graphql';
import { accessRules } from './authz-rules.ts';

const scopes = (...names: string[]) =>
  `@requiresScopes(scopes: [${names.map((name) => `["${name}"]`).join(', ')}])`;

/** Rules of a supergraph as any version of composition may have written it. */
function rulesOf(types: string, links = '') {
  const ast = parse(`
    schema ${links} { query: Query }
    directive @link(url: String, as: String, import: [String]) repeatable on SCHEMA
    type Query { a: A b: B i: I u: U e: E }
    ${types}`);
  return accessRules(ast, buildASTSchema(ast, { assumeValidSDL: true }));
}

const plain = `interface I { x: Int y: Int } union U = A | B enum E { F }
  type A implements I { x: Int y: Int z: Int } type B implements I { x: Int y: Int }`;
const with_ = (change: (sdl: string) => string) => rulesOf(change(plain));
const atoms = (rule: ReturnType<ReturnType<typeof rulesOf>['field']>) =>
  rule.map(({ anyOf }) => anyOf.map((set) => set.join('+')).join('|'));

describe('accessRules', () => {
  it('asks of a field of an interface what every type that has it says', () => {
    const rules = with_((sdl) =>
      sdl
        .replace('z: Int', 'z: Int')
        .replace('type B implements I { x: Int', `type B implements I { x: Int ${scopes('b')}`),
    );
    expect(atoms(rules.field('I', 'x'))).toEqual(['scope:b']);
    expect(atoms(rules.field('A', 'x'))).toEqual([]);
    expect(atoms(rules.field('I', 'y'))).toEqual([]);
  });

  it('asks of a field of an interface what every type of it says as a whole', () => {
    const rules = with_((sdl) =>
      sdl.replace('type B implements I', `type B implements I ${scopes('b')}`),
    );
    expect(atoms(rules.field('I', 'x'))).toEqual(['scope:b']);
    expect(atoms(rules.field('Query', 'i'))).toEqual([]);
    expect(atoms(rules.object('B'))).toEqual(['scope:b']);
    expect(rules.possibleObjects('Query', 'i')).toEqual(['A', 'B']);
    expect(rules.possibleObjects('Query', 'u')).toEqual(['A', 'B']);
  });

  it('holds what was written for an interface itself against all its objects', () => {
    const rules = with_((sdl) => sdl.replace('interface I {', `interface I ${scopes('i')} {`));
    expect(atoms(rules.field('A', 'x'))).toEqual(['scope:i']);
    expect(atoms(rules.field('A', 'z'))).toEqual(['scope:i']);
    expect(atoms(rules.object('A'))).toEqual(['scope:i']);
    expect(atoms(rules.field('Query', 'i'))).toEqual(['scope:i']);
    const field = with_((sdl) =>
      sdl.replace('interface I { x: Int', `interface I { x: Int ${scopes('x')}`),
    );
    expect(atoms(field.field('A', 'x'))).toEqual(['scope:x']);
    expect(atoms(field.field('A', 'y'))).toEqual([]);
  });

  it('does not hold against one object what composition wrote for the sake of another', () => {
    const rules = with_((sdl) =>
      sdl
        .replace('interface I {', 'interface I @requiresScopes(scopes: [["a", "b"]]) {')
        .replace('type A implements I', `type A implements I ${scopes('a')}`)
        .replace('type B implements I', `type B implements I ${scopes('b')}`),
    );
    expect(atoms(rules.object('A'))).toEqual(['scope:a']);
    expect(atoms(rules.field('A', 'x'))).toEqual(['scope:a']);
    expect(atoms(rules.field('I', 'x')).sort()).toEqual(['scope:a', 'scope:a+scope:b', 'scope:b']);
  });

  it('knows the directives under the names by which they are linked', () => {
    const at = (directive: string, links: string) =>
      atoms(rulesOf(plain.replace('z: Int', `z: Int ${directive}`), links).field('A', 'z'));
    const url = 'https://specs.apollo.dev';
    expect(at('@authenticated', '')).toEqual(['authenticated']);
    expect(at('@who', `@link(url: "${url}/authenticated/v0.1", as: "who")`)).toEqual([
      'authenticated',
    ]);
    expect(
      at(
        '@mine',
        `@link(url: "${url}/authenticated/v0.1", import: [{ name: "@authenticated", as: "@mine" }])`,
      ),
    ).toEqual(['authenticated']);
    expect(at('@p(policies: [["x"]])', `@link(url: "${url}/policy/v0.1", as: "p")`)).toEqual([
      'policy:x',
    ]);
    expect(at('@other', `@link(url: "${url}/tag/v0.3", as: "other")`)).toEqual([]);
  });

  it.each([
    '',
    '(scopes: [])',
    '(scopes: [[]])',
    '(scopes: [["a"], []])',
    '(scopes: [[1]])',
    '(scopes: "")',
    '(scope: [["a"]])',
  ])(
    'takes a rule that cannot be read for one that nobody satisfies: @requiresScopes%s',
    (given) => {
      const rules = with_((sdl) => sdl.replace('z: Int', `z: Int @requiresScopes${given}`));
      const [requirement] = rules.field('A', 'z');
      expect(requirement).toEqual({ anyOf: [] });
    },
  );
});
