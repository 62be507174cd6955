import { describe, expect, it, jest } from '@jest/globals';
import type { ExecutionResult } from 'graphql';
import type { Context } from './context.ts';
import { ForgeError } from './errors.ts';
import { contextOf, masked, notesEngine, plain } from './fixtures/notes-engine.ts';
import type { Asking } from './fixtures/notes-engine.ts';
import type { GraphRequest } from './subgraph-schema.ts';

describe('a subscription', () => {
  const query = 'subscription { noteChanged(id: "a") { id text } }';

  async function watch(asking: Asking, asked: GraphRequest = { query }) {
    const { subscribe, lines } = await notesEngine();
    const contexts: Context[] = [];
    const results = await subscribe(asked, () => {
      const context = contextOf(asking);
      contexts.push(context);
      return context;
    });
    return { events: results[Symbol.asyncIterator](), contexts, lines };
  }

  async function all(asking: Asking, asked?: GraphRequest) {
    const { events, lines } = await watch(asking, asked);
    const results = [];
    for (let next = await events.next(); !next.done; next = await events.next()) {
      results.push(plain(next.value));
    }
    return { results, lines };
  }

  async function* twice() {
    yield { id: 'a' };
    yield { id: 'a' };
  }

  it('completes each event in a context of its own, as things are then', async () => {
    let version = 0;
    const texts = (ids: readonly string[]) => new Map(ids.map((id) => [id, `v${++version}`]));
    const { events, contexts } = await watch({ deps: { follow: twice, texts } });
    const [one, two, end] = [await events.next(), await events.next(), await events.next()];
    expect(plain(one.value as ExecutionResult).data).toEqual({
      noteChanged: { id: 'a', text: 'v1' },
    });
    expect(plain(two.value as ExecutionResult).data).toEqual({
      noteChanged: { id: 'a', text: 'v2' },
    });
    expect(end.done).toBe(true);
    expect(new Set(contexts).size).toBe(3);
  });

  it('reads the next event only when the last was taken', async () => {
    let read = 0;
    const follow = async function* () {
      for (;;) yield { id: `n${++read}` };
    };
    const { events } = await watch({ deps: { follow } });
    await events.next();
    await events.next();
    expect(read).toBe(2);
    await events.return?.();
  });

  it('closes its source at once when it is left, also while it waits', async () => {
    const closed = jest.fn(async () => ({ done: true, value: undefined }) as const);
    const source = { next: () => new Promise<never>(() => undefined), return: closed };
    const follow = () => ({ [Symbol.asyncIterator]: () => source });
    const { events } = await watch({ deps: { follow } });
    void events.next();
    expect(await events.return?.()).toMatchObject({ done: true });
    expect(closed).toHaveBeenCalledTimes(1);
  });

  it('is not opened without the permission: FORBIDDEN is all there is', async () => {
    const follow = jest.fn(twice);
    const { results, lines } = await all({ scopes: ['billing:read'], deps: { follow } });
    expect(follow).not.toHaveBeenCalled();
    expect(results).toMatchObject([{ errors: [{ extensions: { code: 'FORBIDDEN' } }] }]);
    expect(lines).toEqual([]);
  });

  it.each<[string, () => never, object]>([
    [
      'in its own words when they were written for the client',
      () => {
        throw new ForgeError('CURSOR_EXPIRED', 'Too long ago.');
      },
      { message: 'Too long ago.', extensions: { code: 'CURSOR_EXPIRED' } },
    ],
    [
      'masked otherwise',
      () => {
        throw new Error('pl4nted');
      },
      masked,
    ],
  ])('that cannot be opened is one result, %s', async (_name, follow, error) => {
    const { results, lines } = await all({ deps: { follow } });
    expect(results).toMatchObject([{ errors: [error] }]);
    expect(JSON.stringify(results)).not.toContain('pl4nted');
    expect(lines.join()).toMatch(error === masked ? 'pl4nted' : /^$/);
  });

  it('that is no operation of the graph is one result, which says why', async () => {
    const invalid = await all({}, { query: 'subscription { nothing }' });
    expect(invalid.results).toMatchObject([
      { errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] },
    ]);
    const variable = 'subscription ($id: ID!) { noteChanged(id: $id) { id } }';
    expect((await all({}, { query: variable })).results).toMatchObject([
      { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] },
    ]);
  });

  it('goes on after an event that could not be completed, whose error is masked', async () => {
    const texts = () => {
      throw new Error('pl4nted');
    };
    const { results, lines } = await all({ deps: { follow: twice, texts } });
    expect(results).toHaveLength(2);
    expect(results[1]).toMatchObject({
      data: { noteChanged: { id: 'a', text: null } },
      errors: [masked],
    });
    expect(JSON.stringify(results)).not.toContain('pl4nted');
    expect(lines).toHaveLength(2);
  });
});
