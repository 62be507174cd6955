import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { allScopes, developmentToken, ensureIssuer } from '../../infra/embedded/issuer.ts';
import { root } from '../../infra/root.ts';
import { subgraphNames } from '../../subgraphs/index.ts';
import { loadConfig } from '../../subgraphs/shared/config.ts';
import { freePort, postTo, printed } from './product.ts';
import type { Product } from './product.ts';

/**
 * The product as production runs it: the gateway and each subgraph in a process
 * of its own, over one database.
 */
export async function startSplitProduct(
  databaseUrl: string,
): Promise<Pick<Product, 'url' | 'wsUrl' | 'token' | 'ask' | 'remove'>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'forge-split-'));
  const gatewayPort = await freePort();
  const common = {
    PATH: process.env['PATH'] ?? '',
    HOME: dataDir,
    FORGE_DATA_DIR: dataDir,
    DATABASE_URL: databaseUrl,
    FORGE_ROOT_SECRET: Buffer.alloc(32, 5).toString('base64'),
    FORGE_PORT: String(gatewayPort),
    FORGE_LOG_LEVEL: 'warn',
  };
  const config = loadConfig({ FORGE_DATA_DIR: dataDir });
  await ensureIssuer(config);
  const children: ChildProcess[] = [];
  const start = async (args: readonly string[], env: Record<string, string>, ready: RegExp) => {
    const child = spawn(process.execPath, ['infra/build/run.mjs', ...args], {
      cwd: root,
      env: { ...common, FORGE_ADMIN_PORT: String(await freePort()), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    return printed(child, [], ready);
  };
  const urls = new Map<string, string>();
  for (const name of subgraphNames) {
    const port = String(await freePort());
    const env = {
      FORGE_SUBGRAPH_PORT: port,
      FORGE_ARTIFACTS_URL: `http://127.0.0.1:${port}/artifacts/`,
    };
    urls.set(name, await start(['subgraphs/main.ts', name], env, /ready (\S+)$/));
  }
  const supergraph = join(dataDir, 'supergraph.graphql');
  const composed = await readFile(join(root, 'schema/supergraph.graphql'), 'utf8');
  await writeFile(
    supergraph,
    composed.replaceAll(
      /http:\/\/(\w+):4100\/graphql/g,
      (_all, name: string) => urls.get(name) ?? '',
    ),
  );
  const args = ['gateway/main.ts', '--supergraph', supergraph, '--port', String(gatewayPort)];
  const url = await start(args, {}, /^forge ready (\S+)$/);
  const token: Product['token'] = (tenant, change = {}) =>
    developmentToken(config, {
      ...{ tenant, subject: 'alice', scopes: allScopes, ttlSeconds: 3_600 },
      ...change,
    });
  return {
    url,
    wsUrl: url.replace('http', 'ws'),
    token,
    ask: async (tenant, query, variables = {}) =>
      postTo(url, await token(tenant), query, variables),
    async remove() {
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const exited = once(child, 'exit');
          child.kill('SIGTERM');
          await exited;
        }),
      );
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
