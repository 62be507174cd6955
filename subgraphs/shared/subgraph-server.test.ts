import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { body, data, post, serveFake, silence } from './fixtures/fake-subgraph.ts';
import type { Execute } from './fixtures/fake-subgraph.ts';
import { createLog } from './log.ts';
import { serveSubgraph } from './subgraph-server.ts';
import type { HttpRoute, SubgraphServer } from './subgraph-server.ts';
import { sleep } from './time.ts';

let server: SubgraphServer | undefined;
afterEach(async () => {
  await server?.close(0);
});

async function served(parts?: Parameters<typeof serveFake>[0]) {
  const { server: started, ...rest } = await serveFake(parts);
  server = started;
  return rest;
}

async function until(isSo: () => boolean): Promise<void> {
  for (let n = 0; n < 300 && !isSo(); n += 1) await sleep(10);
  expect(isSo()).toBe(true);
}

describe('an operation', () => {
  it('reaches the subgraph with its variables, its name and its headers', async () => {
    const execute = jest.fn<Execute>(async () => data);
    const { url } = await served({ execute });
    const headers = { 'x-request-id': 'r1', 'x-forge-identity': 'signed' };
    const response = await post(url, { headers });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual(data);
    const [request, told] = execute.mock.calls[0] ?? [];
    expect(request).toEqual(JSON.parse(body));
    expect(told).toMatchObject(headers);
  });

  it('is answered whole, whatever its letters', async () => {
    const text = 'é🙂'.repeat(10_000);
    const { url } = await served({ execute: async () => ({ data: { text } }) });
    expect(await (await post(url)).json()).toEqual({ data: { text } });
  });

  it.each([['not JSON'], ['null'], ['[]'], ['{}'], ['{"query":1}'], ['"query"'], ['']])(
    'is refused with 400 when it is %j',
    async (text) => {
      const execute = jest.fn<Execute>();
      const { url } = await served({ execute });
      expect((await post(url, { body: text })).status).toBe(400);
      expect(execute).not.toHaveBeenCalled();
    },
  );

  it('is taken up to four MiB, and refused with 413 beyond', async () => {
    const execute = jest.fn<Execute>(async () => data);
    const { url } = await served({ execute });
    const sized = (bytes: number) => {
      const empty = JSON.stringify({ query: '' }).length;
      return JSON.stringify({ query: 'x'.repeat(bytes - empty) });
    };
    expect((await post(url, { body: sized(4 * 1_048_576) })).status).toBe(200);
    expect((await post(url, { body: sized(4 * 1_048_576 + 1) })).status).toBe(413);
    expect((await post(url, { body: sized(12 * 1_048_576) })).status).toBe(413);
    expect(execute).toHaveBeenCalledTimes(1);
  });

  it('is only posted', async () => {
    const { url } = await served();
    const response = await fetch(url);
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
  });

  it('that cannot be answered ends its connection, and goes to the log', async () => {
    const { url, lines } = await served({ execute: () => Promise.reject(new Error('broken')) });
    await expect(post(url)).rejects.toThrow();
    expect(lines.join()).toContain('broken');
    await expect(post(url)).rejects.toThrow('fetch failed');
  });

  it('ends at once for the subgraph when nobody waits any more', async () => {
    let signal: AbortSignal | undefined;
    const execute: Execute = (_request, _headers, given) => {
      signal = given;
      return new Promise(() => undefined);
    };
    const { url, lines } = await served({ execute });
    const leaving = new AbortController();
    const asking = post(url, { signal: leaving.signal }).catch(() => 'left');
    await until(() => signal !== undefined);
    leaving.abort();
    expect(await asking).toBe('left');
    await until(() => signal?.aborted === true);
    expect(signal?.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(lines).toEqual([]);
  });

  it('ends for the subgraph when the gateway’s time is over', async () => {
    const execute: Execute = (_request, _headers, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          resolve({ data: { aborted: true } });
        });
      });
    const { url } = await served({ execute });
    const started = performance.now();
    const response = await post(url, { headers: { 'x-forge-timeout-ms': '60' } });
    expect(await response.json()).toEqual({ data: { aborted: true } });
    expect(performance.now() - started).toBeLessThan(1_500);
  });

  it.each(['', '0', '-5', 'soon', 'NaN'])('has all the time there is with "%s"', async (ms) => {
    const execute: Execute = async (_request, _headers, signal) => {
      await sleep(20);
      return { data: { aborted: signal.aborted } };
    };
    const { url } = await served({ execute });
    const response = await post(url, { headers: { 'x-forge-timeout-ms': ms } });
    expect(await response.json()).toEqual({ data: { aborted: false } });
  });
});

describe('the server', () => {
  it('lets a subgraph answer what is not for the graph, in order, and 404 what nobody does', async () => {
    const last = jest.fn<HttpRoute>(async (_request, response) => {
      response.writeHead(418).end();
      return true;
    });
    const routes: HttpRoute[] = [
      async (_request, response, url) => {
        if (url.pathname !== '/download') return false;
        response.writeHead(200).end(url.searchParams.get('name'));
        return true;
      },
      last,
    ];
    const { url } = await served({ routes });
    expect(await (await fetch(new URL('/download?name=a', url))).text()).toBe('a');
    expect(last).not.toHaveBeenCalled();
    expect((await fetch(new URL('/other', url))).status).toBe(418);
    expect((await post(url)).status).toBe(200);
    await server?.close(0);
    const { url: bare } = await served();
    expect((await fetch(new URL('/other', bare))).status).toBe(404);
  });

  it('lets what is under way be finished when it closes', async () => {
    let answer: (() => void) | undefined;
    const execute: Execute = () =>
      new Promise((resolve) => {
        answer = () => {
          resolve(data);
        };
      });
    const { url } = await served({ execute });
    const asking = post(url);
    await until(() => answer !== undefined);
    const closing = server?.close(5_000);
    answer?.();
    expect(await (await asking).json()).toEqual(data);
    const started = performance.now();
    await closing;
    expect(performance.now() - started).toBeLessThan(2_000);
    await expect(post(url)).rejects.toThrow();
  });

  it('cuts what is still open at the deadline', async () => {
    const { url } = await served({ subscribe: async () => silence() });
    const response = await post(url, { headers: { accept: 'text/event-stream' } });
    const reading = response.text().catch(() => 'cut');
    await server?.close(50);
    expect(await reading).toBe('cut');
  });

  it('does not start where another one listens', async () => {
    const { url } = await served();
    const log = createLog({ level: 'silent' });
    const endpoint = {
      name: 'x',
      sdl: '',
      execute: async () => data,
      subscribe: async () => silence(),
    };
    const port = Number(new URL(url).port);
    const second = serveSubgraph(endpoint, { host: '127.0.0.1', port, log, routes: [] });
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
