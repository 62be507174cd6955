import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { post } from '../fixtures/clients.ts';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';
import { checkLimits, defaultLimits } from './limits.ts';
import { checkNesting } from './limits-nesting.ts';

const limits = {
  ...defaultLimits,
  depthMax: 4,
  aliasesMax: 3,
  rootFieldsMax: 5,
  selectionsMax: 40,
};
const check = (query: string) => () => {
  checkLimits(parse(query), limits);
};

describe('checkLimits', () => {
  it('refuses depth, wherever it is hidden', () => {
    expect(check('{ a { b { c { d } } } }')).not.toThrow();
    expect(check('{ a { b { c { d { e } } } } }')).toThrow('5 depth');
    expect(
      check('{ a { ...f } } fragment f on A { b { ...g } } fragment g on B { c { d { e } } }'),
    ).toThrow('depth');
    expect(check('{ a { ... { b { ... on B { c { d { e } } } } } } }')).toThrow('depth');
  });

  it('counts aliases once for every spread', () => {
    expect(check('{ x: a y: b ...f } fragment f on Q { z: c }')).not.toThrow();
    expect(check('{ x: a ...f p { ...f } q { ...f } } fragment f on Q { z: c }')).toThrow(
      '4 aliases',
    );
  });

  it('counts root fields through fragments', () => {
    expect(check('{ a b c ...f } fragment f on Q { d e g }')).toThrow('6 root fields');
  });

  it('counts all fields, each wherever its fragment is spread', () => {
    const fields = 'a b c d e f g h i j';
    expect(
      check(`{ x { ...f } y { ...f } z { ...f } } fragment f on Q { ${fields} }`),
    ).not.toThrow();
    expect(
      check(`{ w { ...f } x { ...f } y { ...f } z { ...f } } fragment f on Q { ${fields} }`),
    ).toThrow('44 fields');
  });

  it('counts directives, at one place and in all', () => {
    const many = '@a '.repeat(9);
    expect(check(`{ x ${many} }`)).toThrow('9 directives at one place');
    expect(check(`{ ... ${many} { x } }`)).toThrow('9 directives at one place');
    expect(check(`query ${many} { x }`)).toThrow('9 directives at one place');
    const spread = Array.from({ length: 30 }, () => '...f @a @a @a @a @a @a').join(' ');
    expect(check(`{ x { ${spread} } } fragment f on Q { y @a }`)).toThrow('210 directives');
  });

  it('counts fields that have to be compared with each other, wherever they are hidden', () => {
    const few = { ...limits, mergesMax: 10, selectionsMax: 1_000 };
    const merging = (query: string) => () => {
      checkLimits(parse(query), few);
    };
    expect(merging('{ a a a a a }')).not.toThrow();
    expect(merging('{ p { a a a a a a } }')).toThrow('more than 10 pairs');
    expect(
      merging('{ p { ...f ...g a a } } fragment f on P { a a } fragment g on P { a a }'),
    ).toThrow('pairs');
    expect(merging('{ p { a { b } a { b } } p { a { b } a { b } } }')).toThrow('pairs');
  });

  it('counts brackets before the text is parsed, but none in strings and comments', () => {
    const nested = (text: string) => () => {
      checkNesting(text, 5);
    };
    expect(nested('{ a(b: [[1]]) { c } }')).not.toThrow();
    expect(nested('{ a(b: [[[[1]]]]) }')).toThrow('6 brackets');
    expect(nested(`{ a(b: "${'{'.repeat(50)}\\"{{{{{{") } # {{{{{{{\n`)).not.toThrow();
    expect(nested(`{ a(b: """{{{{{{ " {{ \\""" {{{""") }`)).not.toThrow();
    expect(nested('{ a(b: "x") { { { { { {')).toThrow('brackets');
    expect(nested(`{ a(b: "", c: "", d: "x") ${'#\n'.repeat(9)} { { { { { {`)).toThrow('brackets');
    expect(nested(`{ a(b: "\n) { { { { { {`)).toThrow('brackets');
  });

  it('looks at every operation of the document', () => {
    expect(check('query A { a } query B { a { b { c { d { e } } } } }')).toThrow('depth');
  });

  it('measures fragments that double in linear time, and cycles at all', () => {
    const doubling = Array.from(
      { length: 60 },
      (_, n) => `fragment f${String(n)} on Q { ...f${String(n + 1)} ...f${String(n + 1)} }`,
    ).join('\n');
    expect(check(`{ ...f0 } ${doubling} fragment f60 on Q { x: a }`)).toThrow('aliases');
    expect(check('{ ...f } fragment f on Q { a ...f }')).not.toThrow();
  });
});

describe('the gateway', () => {
  let fixture: RunningFixture;
  beforeAll(async () => {
    fixture = await startFixture('in-process', { limits: { tokensMax: 100, depthMax: 5 } });
  });
  afterAll(() => fixture.stop());

  it.each([
    ['too many tokens', `{ ${'__typename '.repeat(200)} }`],
    ['too deep a query', '{ a { b { c { d { e { f } } } } } }'],
  ])(
    'refuses %s as LIMIT_EXCEEDED on every transport, and asks no subgraph',
    async (_name, query) => {
      for (const accept of ['application/json', 'text/event-stream']) {
        const { status, body } = await post(fixture, { query }, { accept });
        expect(status).toBe(400);
        expect(body.errors).toMatchObject([
          { extensions: { code: 'LIMIT_EXCEEDED', retryable: false } },
        ]);
      }
      expect(fixture.state.requests).toEqual([]);
    },
  );
});
