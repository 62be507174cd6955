import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import { subgraphConnections } from './subgraph-http.ts';
import type { SubgraphConnections } from './subgraph-http.ts';
import type { SubgraphLink } from './subgraph-client.ts';

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

const answered: Handle = (_request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end('{"data":{"a":1}}');
};
const reset: Handle = (request) => {
  request.socket.destroy();
};
const status =
  (code: number): Handle =>
  (_request, response) => {
    response.writeHead(code).end('<html>');
  };

describe('a subgraph behind HTTP', () => {
  let asked = 0;
  let handle: Handle = answered;
  let connections: SubgraphConnections;
  let link: SubgraphLink;
  let url: string;
  let changes: string[];
  const server = createServer((request, response) => {
    asked += 1;
    request.resume();
    handle(request, response);
  });

  beforeEach(async () => {
    asked = 0;
    handle = answered;
    changes = [];
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/graphql`;
    connections = subgraphConnections((name, isUp) => {
      changes.push(`${name} ${isUp ? 'up' : 'down'}`);
    });
    link = connections.link({ name: 'a', url });
  });
  afterEach(async () => {
    await connections.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const query = '{ a }';
  const ask = (text = query, signal = new AbortController().signal) =>
    link.execute({ query: text }, {}, signal);
  const code = (asking: Promise<unknown>) =>
    asking.then(
      () => 'answered',
      (cause: unknown) => (cause instanceof ForgeError ? cause.code : String(cause)),
    );

  it.each([
    ['a broken connection', reset],
    ['502', status(502)],
    ['503', status(503)],
    ['504', status(504)],
  ])('is asked a query again after %s', async (_what, bad) => {
    handle = (request, response) => {
      (asked === 1 ? bad : answered)(request, response);
    };
    expect(await ask()).toEqual({ data: { a: 1 } });
    expect(asked).toBe(2);
  });

  it.each([
    ['a broken connection', reset],
    ['503', status(503)],
  ])('is never asked a mutation again, after %s either', async (_what, bad) => {
    handle = bad;
    await expect(ask('mutation { a }')).rejects.toThrow();
    expect(asked).toBe(1);
  });

  it('is not asked again for a status that does not pass', async () => {
    handle = status(500);
    expect(await code(ask())).toBe('SUBGRAPH_UNAVAILABLE');
    expect(asked).toBe(1);
  });

  it('is asked again only as often as retries are a small part of all calls', async () => {
    handle = status(503);
    for (let calls = 0; calls < 9; calls += 1) await code(ask());
    expect(asked).toBeLessThanOrEqual(9 + 20);
  });

  it('is given up when it goes on not answering, and is back when it answers', async () => {
    handle = status(500);
    for (let calls = 0; calls < 10; calls += 1) {
      expect(await code(ask())).toBe('SUBGRAPH_UNAVAILABLE');
    }
    expect(changes).toEqual(['a down']);
    const before = asked;
    await expect(ask()).rejects.toMatchObject({
      code: 'SUBGRAPH_UNAVAILABLE',
      retryable: true,
      retryAfterMs: 1_000,
    });
    expect(await code(link.subscribe({ query }, {}, new AbortController().signal))).toBe(
      'SUBGRAPH_UNAVAILABLE',
    );
    expect(asked).toBe(before);
    handle = answered;
    await wait(1_200);
    expect(await ask()).toEqual({ data: { a: 1 } });
    expect(changes).toEqual(['a down', 'a up']);
  });

  it('is not given up because clients leave, but because it is late', async () => {
    handle = () => undefined;
    for (let calls = 0; calls < 15; calls += 1) {
      const leaving = new AbortController();
      const asking = code(ask(query, leaving.signal));
      leaving.abort(new Error('The client has left'));
      await asking;
    }
    expect(changes).toEqual([]);
    for (let calls = 0; calls < 10; calls += 1) {
      const late = new AbortController();
      const asking = code(ask(query, late.signal));
      late.abort(new ForgeError('DEADLINE_EXCEEDED', 'late'));
      await asking;
    }
    expect(changes).toEqual(['a down']);
  });

  it('that refuses what it is asked is not given up: that is an answer', async () => {
    handle = (_request, response) => {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end('{"errors":[{"message":"no"}]}');
    };
    for (let calls = 0; calls < 30; calls += 1) await ask();
    expect(changes).toEqual([]);
  });

  it('keeps its connections while supergraphs come and go, and loses them with the last', async () => {
    expect(connections.link({ name: 'a', url })).toBe(link);
    connections.keepOnly([{ name: 'a', url }], 0);
    expect(await ask()).toEqual({ data: { a: 1 } });
    connections.keepOnly([], 0);
    await wait(20);
    await expect(ask()).rejects.toThrow();
    expect(connections.link({ name: 'a', url })).not.toBe(link);
  });
});
