import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { FormattedExecutionResult } from 'graphql';
import { allScopes, developmentToken } from '../../infra/embedded/issuer.ts';
import { root } from '../../infra/root.ts';
import { loadConfig } from '../../subgraphs/shared/config.ts';

const readyWithinMs = 60_000;

export interface ProductOptions {
  /** A folder of an earlier start; a new one without it. */
  readonly dataDir?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The product as `npm start` runs it, in a process and a data folder of its own. */
export interface Product {
  readonly url: string;
  readonly wsUrl: string;
  readonly adminUrl: string;
  readonly dataDir: string;
  readonly child: ChildProcess;
  /** Everything it printed. */
  readonly output: string[];
  token(tenant: string, change?: Partial<TokenChange>): Promise<string>;
  /** Asks over HTTP with a token of the tenant. */
  ask(
    tenant: string,
    query: string,
    variables?: Record<string, unknown>,
  ): Promise<FormattedExecutionResult>;
  /** Sends a signal and gives the exit code. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  /** Ends it, however it stands, and removes its data. */
  remove(): Promise<void>;
}

export interface TokenChange {
  readonly subject: string;
  readonly scopes: string;
  readonly ttlSeconds: number;
}

export async function startProduct(options: ProductOptions = {}): Promise<Product> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'forge-product-')));
  const [port, adminPort] = [await freePort(), await freePort()];
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: dataDir,
    FORGE_DATA_DIR: dataDir,
    FORGE_PORT: String(port),
    FORGE_ADMIN_PORT: String(adminPort),
    FORGE_LOG_LEVEL: 'warn',
    ...options.env,
  };
  const child = spawn(process.execPath, ['infra/build/run.mjs', 'infra/embedded/main.ts'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  const url = await printed(child, output, /^forge ready (\S+)$/);
  const config = loadConfig({ FORGE_DATA_DIR: dataDir });
  const product: Product = {
    url,
    wsUrl: url.replace('http', 'ws'),
    adminUrl: `http://127.0.0.1:${String(adminPort)}`,
    dataDir,
    child,
    output,
    token: (tenant, change = {}) =>
      developmentToken(config, {
        ...{ tenant, subject: 'alice', scopes: allScopes, ttlSeconds: 3_600 },
        ...change,
      }),
    ask: async (tenant, query, variables = {}) =>
      postTo(url, await product.token(tenant), query, variables),
    end: (signal = 'SIGTERM') => endOf(child, signal),
    async remove() {
      await endOf(child, 'SIGTERM');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  return product;
}

/** Waits until a process prints a line, and gives the first group of its pattern. */
export async function printed(
  child: ChildProcess,
  output: string[],
  pattern: RegExp,
): Promise<string> {
  const ready = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      output.push(line);
      const [, url] = pattern.exec(line) ?? [];
      if (url !== undefined) ready.resolve(url);
    });
  }
  child.once('exit', (code) => {
    ready.reject(new Error(`ended with ${String(code)}:\n${output.join('\n')}`));
  });
  const late = setTimeout(() => {
    child.kill('SIGKILL');
    ready.reject(new Error(`not ready in time:\n${output.join('\n')}`));
  }, readyWithinMs);
  return ready.promise.finally(() => {
    clearTimeout(late);
  });
}

async function endOf(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit') as Promise<[number | null]>;
  child.kill(signal);
  return (await exited)[0];
}

/** Posts one operation and gives the answer. */
export async function postTo(
  url: string,
  token: string,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<FormattedExecutionResult> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(30_000),
  });
  return (await response.json()) as FormattedExecutionResult;
}

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
