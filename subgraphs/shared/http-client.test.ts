import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  answer,
  cutBody,
  reset,
  silence,
  stalledBody,
  startFaultyServer,
} from './fixtures/faulty-server.ts';
import type { Behaviour, FaultyServer } from './fixtures/faulty-server.ts';
import { httpClient } from './http-client.ts';
import type { HttpClient, HttpClientOptions, HttpRequest } from './http-client.ts';

let provider: FaultyServer;
const clients: HttpClient[] = [];

beforeEach(async () => {
  provider = await startFaultyServer();
  // No jitter: a try follows at once.
  jest.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await provider.close();
});

function client(options: Partial<HttpClientOptions> = {}): HttpClient {
  const made = httpClient({
    provider: 'stripe',
    timeoutMs: 2_000,
    deadlineMs: 5_000,
    attemptsMax: 3,
    ...options,
  });
  clients.push(made);
  return made;
}
const call = (change: Partial<HttpRequest> = {}, by = client()) =>
  by.call({ url: provider.url, method: 'GET', tenant: 'acme', repeatable: true, ...change });
const unknownOutcome = {
  code: 'PROVIDER_UNAVAILABLE',
  retryable: true,
  message: 'stripe gave no answer. What was asked for may or may not have happened.',
};

describe('an answer', () => {
  it.each([200, 201, 302, 400, 401, 404, 409, 422])(
    'is given as it is, asked for once, when its status is %d',
    async (status) => {
      provider.behaviours = [
        answer(status, '{"a":"é"}', { 'x-request-id': 'r1', location: '/v2' }),
      ];
      const given = await call();
      expect(given).toMatchObject({ status, body: '{"a":"é"}' });
      expect(given.headers['x-request-id']).toBe('r1');
      expect(provider.asked).toHaveLength(1);
    },
  );

  it.each<[string, string | Uint8Array]>([
    ['text', '{"amount":100,"note":"é"}'],
    ['bytes', new Uint8Array(Buffer.from('{"amount":100,"note":"é"}'))],
  ])('is to what was asked, with a body of %s', async (_name, body) => {
    provider.behaviours = [(response, request) => void request.pipe(response.writeHead(200))];
    const headers = { 'idempotency-key': 'rf_1' };
    expect((await call({ method: 'POST', headers, body })).body).toBe('{"amount":100,"note":"é"}');
    expect(provider.asked[0]).toMatchObject({ method: 'POST', url: '/v1/refunds' });
    expect(provider.asked[0]?.headers['idempotency-key']).toBe('rf_1');
  });
});

const faults: [string, Behaviour][] = [
  ['a reset connection', reset],
  ['silence', silence],
  ['a body that is cut', cutBody],
  ['a body that stalls', stalledBody],
];

describe('trouble', () => {
  it.each(faults)('after %s leads to another try of what may be repeated', async (_n, fault) => {
    provider.behaviours = [fault, answer(200, 'ok')];
    expect(await call({}, client({ timeoutMs: 100 }))).toMatchObject({ status: 200, body: 'ok' });
    expect(provider.asked).toHaveLength(2);
  });

  it.each(faults)('after %s leaves the outcome unknown otherwise', async (_n, fault) => {
    provider.behaviours = [fault];
    const order = { method: 'POST', body: '{}', repeatable: false } as const;
    await expect(call(order, client({ timeoutMs: 100 }))).rejects.toMatchObject(unknownOutcome);
    expect(provider.asked).toHaveLength(1);
  });

  it.each([429, 500, 502, 503, 504])(
    'of status %d leads to another try of what may be repeated, and is an answer otherwise',
    async (status) => {
      provider.behaviours = [answer(status, 'no'), answer(200, 'ok')];
      expect((await call()).body).toBe('ok');
      provider.behaviours = [answer(status, 'no')];
      expect(await call({ repeatable: false })).toMatchObject({ status, body: 'no' });
      expect(provider.asked).toHaveLength(3);
    },
  );

  it('that does not pass is not tried again: a provider that cannot do it at all', async () => {
    provider.behaviours = [answer(501)];
    expect((await call()).status).toBe(501);
    expect(provider.asked).toHaveLength(1);
  });

  it('that stays is given up after the last try, with the last answer if there is one', async () => {
    provider.behaviours = [reset, answer(503, 'first'), answer(503, 'last')];
    expect(await call()).toMatchObject({ status: 503, body: 'last' });
    expect(provider.asked).toHaveLength(3);
    provider.behaviours = [reset];
    await expect(call()).rejects.toMatchObject(unknownOutcome);
    expect(provider.asked).toHaveLength(6);
  });

  it('that has a cause keeps it for the log', async () => {
    provider.behaviours = [reset];
    const failed = call({ repeatable: false }).catch((error: unknown) => error);
    expect(await failed).toMatchObject({ cause: { code: expect.stringMatching(/^(ECONN|UND_)/) } });
  });

  it('is a body of more than is taken, of which no more is read and which is not asked for again', async () => {
    let sent = 0;
    provider.behaviours = [
      (response) => {
        response.writeHead(200);
        const more = (): void => {
          sent += 65_536;
          if (sent > 50_000_000 || response.destroyed) return;
          if (response.write('x'.repeat(65_536))) setImmediate(more);
          else response.once('drain', more);
        };
        more();
      },
    ];
    await expect(call({}, client({ responseBytesMax: 200_000 }))).rejects.toMatchObject(
      unknownOutcome,
    );
    expect(sent).toBeLessThan(20_000_000);
    expect(provider.asked).toHaveLength(1);
  });
});

describe('the wait before another try', () => {
  /** How long a call took that was asked twice. */
  async function waitedMs(retryAfter: string): Promise<number> {
    provider.behaviours = [answer(429, '', { 'retry-after': retryAfter }), answer(200)];
    const started = performance.now();
    expect((await call()).status).toBe(200);
    expect(provider.asked).toHaveLength(2);
    return performance.now() - started;
  }

  it('is as many seconds as the provider says', async () => {
    const ms = await waitedMs('1');
    expect(ms).toBeGreaterThanOrEqual(990);
    expect(ms).toBeLessThan(3_000);
  });

  it('lasts until the date that the provider says', async () => {
    const until = new Date(Math.ceil((Date.now() + 500) / 1_000) * 1_000);
    const leftMs = until.getTime() - Date.now();
    expect(await waitedMs(until.toUTCString())).toBeGreaterThanOrEqual(leftMs - 20);
  });

  it.each(['0', 'soon', '-5', 'Thu, 01 Jan 1970 00:00:00 GMT'])(
    'is not longer for "%s"',
    async (retryAfter) => {
      expect(await waitedMs(retryAfter)).toBeLessThan(500);
    },
  );

  it.each(['3600', new Date(Date.now() + 3_600_000).toUTCString()])(
    'is not begun when it would be over after the deadline (%s): the answer is given at once',
    async (retryAfter) => {
      provider.behaviours = [answer(503, 'later', { 'retry-after': retryAfter })];
      const started = performance.now();
      expect(await call()).toMatchObject({ status: 503, body: 'later' });
      expect(performance.now() - started).toBeLessThan(1_000);
      expect(provider.asked).toHaveLength(1);
    },
  );

  it('doubles, with full jitter, up to ten seconds', async () => {
    jest.mocked(Math.random).mockReturnValue(0.1);
    provider.behaviours = [answer(503)];
    const started = performance.now();
    await call();
    // A tenth of 400 and of 800 ms.
    const ms = performance.now() - started;
    expect(ms).toBeGreaterThanOrEqual(119);
    expect(ms).toBeLessThan(600);
  });
});

describe('the deadline', () => {
  it('is for all tries together', async () => {
    provider.behaviours = [silence];
    const slow = client({ timeoutMs: 80, deadlineMs: 300, attemptsMax: 100 });
    const started = performance.now();
    await expect(call({}, slow)).rejects.toMatchObject(unknownOutcome);
    expect(performance.now() - started).toBeLessThan(800);
    expect(provider.asked.length).toBeGreaterThan(1);
    expect(provider.asked.length).toBeLessThan(8);
  });

  it('ends a try that has more time by itself', async () => {
    provider.behaviours = [silence];
    const started = performance.now();
    await expect(call({}, client({ deadlineMs: 100 }))).rejects.toMatchObject(unknownOutcome);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('whoever leaves', () => {
  const reason = new Error('the client went away');

  it.each<[string, Behaviour]>([
    ['for an answer', silence],
    ['for the rest of a body', stalledBody],
    ['for the next try', answer(503, '', { 'retry-after': '3' })],
  ])('is not kept waiting %s', async (_name, behaviour) => {
    provider.behaviours = [behaviour];
    const leaving = new AbortController();
    const calling = call({ signal: leaving.signal });
    setTimeout(() => {
      leaving.abort(reason);
    }, 60);
    const started = performance.now();
    await expect(calling).rejects.toBe(reason);
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(provider.asked).toHaveLength(1);
  });

  it('is told their own reason, also of what is not repeated', async () => {
    provider.behaviours = [silence];
    const leaving = new AbortController();
    const calling = call({ signal: leaving.signal, repeatable: false });
    setTimeout(() => {
      leaving.abort(reason);
    }, 30);
    await expect(calling).rejects.toBe(reason);
  });

  it('before asking asks nothing', async () => {
    await expect(call({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(provider.asked).toEqual([]);
  });

  it('says nothing about the provider: others still reach it', async () => {
    const shared = client();
    for (let n = 0; n < 12; n += 1) {
      const leaving = AbortSignal.abort(reason);
      await expect(call({ signal: leaving }, shared)).rejects.toBe(reason);
    }
    expect((await call({}, shared)).status).toBe(200);
  });
});

it('closing a client ends its connections and what waits on them', async () => {
  provider.behaviours = [silence];
  const closing = client();
  const waiting = call({ repeatable: false }, closing);
  const told = expect(waiting).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
  while (provider.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await closing.close();
  await told;
});
