import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { answer, reset, startFaultyServer } from './fixtures/faulty-server.ts';
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

describe('the breaker', () => {
  const once = { repeatable: false } as const;

  beforeEach(() => {
    jest.mocked(Math.random).mockReturnValue(0.5);
  });

  async function broken(behaviour: Behaviour): Promise<HttpClient> {
    const shared = client();
    provider.behaviours = [behaviour];
    for (let n = 0; n < 8; n += 1) await call(once, shared).catch(() => undefined);
    expect(provider.asked).toHaveLength(8);
    provider.behaviours = [answer(200, 'ok')];
    return shared;
  }

  it.each<[string, Behaviour]>([
    ['broken connections', reset],
    ['server errors', answer(500)],
  ])('asks nothing more after eight %s in a row', async (_name, behaviour) => {
    const shared = await broken(behaviour);
    await expect(call({}, shared)).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
    expect(provider.asked).toHaveLength(8);
  });

  it('closes a provider to the tenant in trouble only', async () => {
    const shared = await broken(answer(500));
    expect((await call({ tenant: 'globex' }, shared)).body).toBe('ok');
    await expect(call({}, shared)).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
  });

  it('lets one call try after a while, and all of them once it went well', async () => {
    const shared = await broken(answer(500));
    const later = Date.now() + 61_000;
    const clock = jest.spyOn(Date, 'now').mockReturnValue(later);
    provider.behaviours = [answer(500), answer(200, 'ok')];
    expect((await call(once, shared)).status).toBe(500);
    await expect(call(once, shared)).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
    expect(provider.asked).toHaveLength(9);
    clock.mockReturnValue(later + 121_000);
    expect((await call(once, shared)).body).toBe('ok');
    expect((await call(once, shared)).body).toBe('ok');
  });

  it.each([400, 404, 429])('takes status %d for an answer', async (status) => {
    const shared = await broken(answer(status));
    expect((await call({}, shared)).body).toBe('ok');
  });

  it('counts only what is in a row', async () => {
    const shared = client();
    for (let n = 0; n < 3; n += 1) {
      provider.behaviours = [answer(500)];
      for (let m = 0; m < 7; m += 1) await call(once, shared);
      provider.behaviours = [answer(200, 'ok')];
      expect((await call(once, shared)).body).toBe('ok');
    }
  });

  it('is asked before every try, so that repeating does not outlast it', async () => {
    provider.behaviours = [answer(500)];
    jest.mocked(Math.random).mockReturnValue(0);
    const eager = client({ attemptsMax: 50 });
    expect((await call({}, eager)).status).toBe(500);
    expect(provider.asked).toHaveLength(8);
  });
});

it('retries stay a small part of all calls, however many tenants are in trouble', async () => {
  provider.behaviours = [answer(503)];
  const shared = client({ attemptsMax: 2 });
  const calls = 100;
  for (let n = 0; n < calls; n += 1) await call({ tenant: `tenant-${String(n)}` }, shared);
  const retries = provider.asked.length - calls;
  expect(retries).toBeGreaterThanOrEqual(20);
  expect(retries).toBeLessThanOrEqual(20 + calls / 5);
});
