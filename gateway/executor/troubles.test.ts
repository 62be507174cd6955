import { describe, expect, it } from '@jest/globals';
import type { ExecutionResult } from 'graphql';
import type { GraphQLError } from 'graphql';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import { entities, scripted } from './fixtures/scripted.ts';

const graph = scripted({
  jobs: `type Query { jobs: [Job!] job: Job title: String must: String! }
    type Job @key(fields: "id") { id: ID! cpu: Int }`,
  costs: `type Job @key(fields: "id") { id: ID! cpu: Int @external rate: Int note: String
    grade: Int! level: Int! cost: Int @requires(fields: "cpu") }`,
  notes: `type Job @key(fields: "id") { id: ID! rate: Int @external total: Int @requires(fields: "rate") }`,
});

const boss = scripted({
  jobs: `type Query { job: Job }
    type Job @key(fields: "id") { id: ID! boss: Boss! @shareable }
    type Boss { name: String }`,
  levels: `type Job @key(fields: "id") { id: ID! boss: Boss! @shareable level: Int! }
    type Boss @key(fields: "id") { id: ID! level: Int! }`,
  badges: 'type Boss @key(fields: "id") { id: ID! badge: Int! }',
});

const job = (id: string) => ({ __typename: 'Job', id, cpu: 1 });
const jobs =
  (...ids: string[]) =>
  () => ({ data: { jobs: ids.map(job), job: job('a') } });
const paths = ({ errors = [] }: ExecutionResult) => errors.map(({ path }) => path);
const down = () =>
  Promise.reject(new ForgeError('SUBGRAPH_UNAVAILABLE', 'costs is down', { retryable: true }));
const failing = (...errors: object[]) => ({ errors: errors as GraphQLError[] });

describe('an error of a subgraph', () => {
  it('is told at every place where its entity stands, by the client’s keys', async () => {
    const result = await graph.run('{ jobs { n: note } job { note } }', {
      jobs: jobs('a', 'b', 'a'),
      costs: ({ variables = {} }) => ({
        data: Object.fromEntries(
          Object.entries(variables).map(([name, list]) => [
            name.replace('representations', '_entities'),
            (list as unknown[]).map(() => ({ n: null, note: null })),
          ]),
        ),
        ...failing(
          { message: 'no', path: ['_entities_0', 0, 'n'], extensions: { code: 'NOT_FOUND' } },
          { message: 'no', path: ['_entities_1', 0, 'note'], extensions: { code: 'NOT_FOUND' } },
        ),
      }),
    });
    expect(paths(result)).toEqual([
      ['jobs', 0, 'n'],
      ['jobs', 2, 'n'],
      ['job', 'note'],
    ]);
    expect(result.errors?.[0]?.extensions).toEqual({ code: 'NOT_FOUND', serviceName: 'costs' });
  });

  it('about the whole answer is told at each field that is missing', async () => {
    const result = await graph.run('{ jobs { note rate } }', {
      jobs: jobs('a', 'b'),
      costs: () => failing({ message: 'who are you', extensions: { code: 'UNAUTHENTICATED' } }),
    });
    expect(result.data).toEqual({
      jobs: [
        { note: null, rate: null },
        { note: null, rate: null },
      ],
    });
    expect(paths(result)).toEqual([
      ['jobs', 0, 'note'],
      ['jobs', 0, 'rate'],
      ['jobs', 1, 'note'],
      ['jobs', 1, 'rate'],
    ]);
    expect(result.errors?.[0]?.extensions['code']).toBe('UNAUTHENTICATED');
  });

  it('without a path stays beside the data that came', async () => {
    const result = await graph.run('{ title }', {
      jobs: () => ({ data: { title: 't' }, ...failing({ message: 'odd' }) }),
    });
    expect(result.data).toEqual({ title: 't' });
    expect(paths(result)).toEqual([undefined]);
  });

  it('makes null what holds it, and is not told again for the null', async () => {
    const result = await graph.run('{ jobs { id grade } }', {
      jobs: jobs('a', 'b'),
      costs: ({ variables }) => ({
        data: { _entities: [null, { grade: (variables?.['representations'] as []).length }] },
        ...failing({ message: 'no', path: ['_entities', 0, 'grade'] }),
      }),
    });
    expect(result.data).toEqual({ jobs: null });
    expect(paths(result)).toEqual([['jobs', 0, 'grade']]);
  });
});

describe('errors about fields beside each other', () => {
  it('stand for all that the null took along', async () => {
    const result = await graph.run('{ job { level grade } }', {
      jobs: jobs('a'),
      costs: () => ({
        data: { _entities: [null] },
        ...failing({ message: 'no', path: ['_entities', 0, 'grade'] }),
      }),
    });
    expect(result.data).toEqual({ job: null });
    expect(paths(result)).toEqual([['job', 'grade']]);
  });

  it('stand for what the same fetch was to bring for objects inside', async () => {
    const result = await boss.run('{ job { boss { level name } level } }', {
      jobs: () => ({ data: { job: { __typename: 'Job', id: 'a', boss: { name: 'b' } } } }),
      levels: () => ({
        data: { _entities: [null] },
        ...failing({ message: 'no', path: ['_entities', 0, 'level'] }),
      }),
    });
    expect(result.data).toEqual({ job: null });
    expect(paths(result)).toEqual([['job', 'level']]);
  });

  it('stand for what could not be asked for without what the null took along', async () => {
    const result = await boss.run('{ job { boss { badge } level } }', {
      jobs: () => ({ data: { job: { __typename: 'Job', id: 'a', boss: { name: 'b' } } } }),
      levels: () => ({
        data: { _entities: [null] },
        ...failing({ message: 'no', path: ['_entities', 0, 'level'] }),
      }),
      badges: () => ({ data: { _entities: [] } }),
    });
    expect(result.data).toEqual({ job: null });
    expect(paths(result)).toEqual([['job', 'level']]);
  });

  it('do not stand for what another fetch was to bring', async () => {
    const result = await boss.run('{ job { boss { name level } } }', {
      jobs: () => ({
        data: { job: { __typename: 'Job', id: 'a', boss: { name: null } } },
        ...failing({ message: 'no', path: ['job', 'boss', 'name'] }),
      }),
      levels: entities(() => ({ boss: {} })),
    });
    expect(result.data).toEqual({ job: null });
    expect(paths(result)).toEqual([
      ['job', 'boss', 'name'],
      ['job', 'boss', 'level'],
    ]);
  });

  it('about a whole answer to root fields are told at each of them', async () => {
    const result = await graph.run('{ title job { id } }', {
      jobs: () => failing({ message: 'who are you', extensions: { code: 'UNAUTHENTICATED' } }),
    });
    expect(result.data).toEqual({ title: null, job: null });
    expect(paths(result)).toEqual([['title'], ['job']]);
  });
});

describe('a subgraph that gives no answer', () => {
  it('leaves a typed error at each missing field, and the rest of the response stands', async () => {
    const result = await graph.run('{ jobs { id note grade } title }', {
      jobs: () => ({ data: { jobs: [], title: 't' } }),
      costs: down,
    });
    expect(result).toEqual({ data: { jobs: [], title: 't' } });
    const failed = await graph.run('{ jobs { id note } }', { jobs: jobs('a', 'b'), costs: down });
    expect(failed.data).toEqual({
      jobs: [
        { id: 'a', note: null },
        { id: 'b', note: null },
      ],
    });
    expect(paths(failed)).toEqual([
      ['jobs', 0, 'note'],
      ['jobs', 1, 'note'],
    ]);
    expect(failed.errors?.[0]?.originalError).toBeInstanceOf(ForgeError);
  });

  it('is told ten times, not once for each of a thousand fields', async () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => String(index));
    const result = await graph.run('{ jobs { note } }', { jobs: jobs(...ids), costs: down });
    expect(result.errors).toHaveLength(10);
  });

  it('fails what is computed from its fields as it failed itself', async () => {
    const result = await graph.run('{ job { total } }', {
      jobs: jobs('a'),
      costs: down,
      notes: entities(() => ({ total: 1 })),
    });
    expect(result.data).toEqual({ job: { total: null } });
    expect(paths(result)).toEqual([['job', 'total']]);
    expect(graph.asked.map(({ subgraph }) => subgraph)).not.toContain('notes');
  });

  it('makes the whole answer null when a root field must not be', async () => {
    const result = await graph.run('{ must }', { jobs: down });
    expect(result.data).toBeNull();
    expect(paths(result)).toEqual([['must']]);
  });
});

describe('an answer that breaks the contract', () => {
  it.each([
    ['no data', {}],
    ['no list', { data: { _entities: {} } }],
    ['too few entities', { data: { _entities: [] } }],
  ])('with %s is an error at the fields it was for', async (_name, answer) => {
    const result = await graph.run('{ job { note } }', { jobs: jobs('a'), costs: () => answer });
    expect(result.data).toEqual({ job: { note: null } });
    expect(paths(result)).toEqual([['job', 'note']]);
  });

  it('with a null that must not be is an error at that field', async () => {
    const result = await graph.run('{ job { grade } }', {
      jobs: jobs('a'),
      costs: entities(() => null),
    });
    expect(result.data).toEqual({ job: null });
    expect(paths(result)).toEqual([['job', 'grade']]);
    expect(result.errors?.[0]?.message).toBe(
      'Cannot return null for non-nullable field Job.grade.',
    );
  });
});
