import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** Whether something works; a text says what does not. */
export type HealthCheck = () => Promise<string | undefined> | string | undefined;

export interface AdminOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** What must work before requests are sent here, by name. */
  readonly ready: Readonly<Record<string, HealthCheck>>;
  readonly registry: Registry;
}

export interface AdminServer {
  readonly url: string;
  close(): Promise<void>;
}

const checkTimeoutMs = 2_000;

/**
 * Serves what operators ask: `/health/live` (the process answers),
 * `/health/ready` (it can take requests) and `/metrics` (Prometheus). For the
 * inside of a network only: it asks nobody who they are.
 */
export async function startAdminServer(options: AdminOptions): Promise<AdminServer> {
  const { host, port, ready, registry } = options;
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
      response.end(body);
    };
    const path = (request.url ?? '').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') answer(405, 'text/plain', '');
    else if (path === '/health/live') answer(200, 'application/json', '{"status":"live"}');
    else if (path === '/health/ready') {
      void readiness(ready).then(({ ok, body }) => {
        answer(ok ? 200 : 503, 'application/json', body);
      });
    } else if (path === '/metrics') {
      registry.metrics().then(
        (text) => {
          answer(200, registry.contentType, text);
        },
        () => {
          answer(500, 'text/plain', '');
        },
      );
    } else answer(404, 'text/plain', '');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    url: `http://${host}:${String((server.address() as AddressInfo).port)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function readiness(
  checks: Readonly<Record<string, HealthCheck>>,
): Promise<{ ok: boolean; body: string }> {
  const found = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await outcomeOf(check)] as const),
  );
  const problems = Object.fromEntries(found.filter(([, problem]) => problem !== undefined));
  const ok = Object.keys(problems).length === 0;
  return { ok, body: JSON.stringify(ok ? { status: 'ready' } : { status: 'not ready', problems }) };
}

async function outcomeOf(check: HealthCheck): Promise<string | undefined> {
  const late = new Promise<string>((resolve) => {
    setTimeout(() => {
      resolve('no answer in time');
    }, checkTimeoutMs).unref();
  });
  try {
    return await Promise.race([check(), late]);
  } catch {
    return 'failed';
  }
}
