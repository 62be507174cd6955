import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Counter, Registry } from 'prom-client';
import { startAdminServer } from './health.ts';
import type { AdminServer, HealthCheck } from './health.ts';

let server: AdminServer | undefined;
afterEach(() => server?.close());

async function started(ready: Record<string, HealthCheck> = {}, registry = new Registry()) {
  server = await startAdminServer({ host: '127.0.0.1', port: 0, ready, registry });
  const { url } = server;
  return async (path: string, method = 'GET') => {
    const response = await fetch(url + path, { method });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
}

describe('/health/live', () => {
  it('says that the process answers, whatever else does not work', async () => {
    const ask = await started({ database: () => 'away' });
    expect(await ask('/health/live')).toMatchObject({ status: 200, text: '{"status":"live"}' });
  });
});

describe('/health/ready', () => {
  it('says ready when every check passes, and asks them again each time', async () => {
    const database = jest.fn<() => string | undefined>();
    const ask = await started({ database, gateway: async () => undefined });
    expect(await ask('/health/ready')).toMatchObject({ status: 200, text: '{"status":"ready"}' });
    database.mockReturnValue('away');
    expect((await ask('/health/ready')).status).toBe(503);
    expect(database).toHaveBeenCalledTimes(2);
  });

  it('says ready when there is nothing to check', async () => {
    const ask = await started();
    expect((await ask('/health/ready')).status).toBe(200);
  });

  it('names what does not work, and nothing that works', async () => {
    const ask = await started({
      database: () => undefined,
      supergraph: () => 'is being composed',
      drain: async () => 'is draining',
    });
    const { status, text } = await ask('/health/ready');
    expect(status).toBe(503);
    expect(JSON.parse(text)).toEqual({
      status: 'not ready',
      problems: { supergraph: 'is being composed', drain: 'is draining' },
    });
  });

  it('says of a check that throws that it failed, and none of its words', async () => {
    const ask = await started({
      database: () => Promise.reject(new Error('password of forge@db.internal')),
      cache: () => {
        throw new Error('secret');
      },
    });
    const { status, text } = await ask('/health/ready');
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({ problems: { database: 'failed', cache: 'failed' } });
  });

  it('waits two seconds for a check and no longer', async () => {
    const ask = await started({ database: () => new Promise(() => undefined) });
    const begun = performance.now();
    const { status, text } = await ask('/health/ready');
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({ problems: { database: 'no answer in time' } });
    expect(performance.now() - begun).toBeGreaterThan(1_900);
    expect(performance.now() - begun).toBeLessThan(4_000);
  });
});

describe('/metrics', () => {
  it('shows the registry as Prometheus reads it', async () => {
    const registry = new Registry();
    new Counter({ name: 'forge_jobs_total', help: 'Jobs.', registers: [registry] }).inc(3);
    const ask = await started({}, registry);
    const { status, headers, text } = await ask('/metrics');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe(registry.contentType);
    expect(text).toContain('forge_jobs_total 3');
  });

  it('answers 500 when a metric cannot be read, and goes on answering', async () => {
    const registry = new Registry();
    new Counter({
      name: 'broken',
      help: 'Broken.',
      registers: [registry],
      collect: () => Promise.reject(new Error('secret')),
    });
    const ask = await started({}, registry);
    expect(await ask('/metrics')).toMatchObject({ status: 500, text: '' });
    expect((await ask('/health/live')).status).toBe(200);
  });
});

describe('the admin server', () => {
  it.each([
    ['GET', '/', 404],
    ['GET', '/health', 404],
    ['GET', '/graphql', 404],
    ['POST', '/health/live', 405],
    ['DELETE', '/metrics', 405],
  ])('answers %s %s with %d', async (method, path, status) => {
    const ask = await started();
    expect((await ask(path, method)).status).toBe(status);
  });

  it('answers HEAD as GET, without a body, and lets nobody keep an answer', async () => {
    const ask = await started({ database: () => 'away' });
    const { status, headers, text } = await ask('/health/ready?from=probe', 'HEAD');
    expect({ status, text }).toEqual({ status: 503, text: '' });
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('does not start where another one listens', async () => {
    await started();
    const port = Number(new URL(server?.url ?? '').port);
    const second = startAdminServer({
      host: '127.0.0.1',
      port,
      ready: {},
      registry: new Registry(),
    });
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('closes at once, though somebody is kept waiting', async () => {
    const ask = await started({ database: () => new Promise(() => undefined) });
    const waiting = ask('/health/ready').catch(() => 'cut');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await server?.close();
    expect(await waiting).toBe('cut');
  });
});
