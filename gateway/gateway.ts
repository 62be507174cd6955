import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../subgraphs/shared/config.ts';
import { ForgeError } from '../subgraphs/shared/errors.ts';
import type { Log } from '../subgraphs/shared/log.ts';
import { startApollo } from './apollo.ts';
import type { TokenVerifier } from './auth.ts';
import { dataSource } from './data-source.ts';
import { explorer } from './explorer.ts';
import { defaultLimits } from './limits.ts';
import type { Limits } from './limits.ts';
import { operations } from './operation.ts';
import { createPlanner } from './planner.ts';
import { subgraphClient } from './subgraph-client.ts';
import type { IdentityKeys, SubgraphEndpoint } from './subgraph-client.ts';
import { subgraphConnections } from './subgraph-http.ts';
import { subscriptions } from './subscriptions.ts';
import { loadSupergraph } from './supergraph.ts';
import { httpHandler } from './transports/http.ts';
import { openStreams } from './transports/http-stream.ts';
import { jitteredRetryMs, serveWebSockets } from './transports/websocket.ts';

export interface GatewayOptions {
  readonly config: Pick<Config, 'production' | 'apollo'>;
  readonly log: Log;
  readonly supergraphSdl: string;
  /** Subgraphs mounted in this process, by name; undefined speaks HTTP to the supergraph's URLs. */
  readonly endpoints: ReadonlyMap<string, SubgraphEndpoint> | undefined;
  readonly verifyToken: TokenVerifier;
  /** Signs who is calling, for subgraphs; without keys subgraphs are told nothing. */
  readonly identityKeys: IdentityKeys | undefined;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** False lets everybody call, without an identity. */
  readonly auth: boolean;
  readonly limits?: Partial<Limits>;
}

export interface Gateway {
  readonly url: string;
  readonly port: number;
  /** True while requests are answered; for the readiness check. */
  ready(): boolean;
  /**
   * Stops taking requests, asks the readers of streams to come back, finishes
   * what is under way, and closes: all within the deadline.
   */
  stop(deadlineMs: number): Promise<void>;
}

/** Starts the gateway; the parts below stand in the order in which a request meets them. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, log, supergraphSdl, identityKeys } = options;
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const loaded = loadSupergraph(supergraphSdl);
  const connections = subgraphConnections();
  const clients = new Map(
    loaded.subgraphs.map(({ name, url }) => {
      const link = options.endpoints ? options.endpoints.get(name) : connections.link(name, url);
      if (!link) throw new Error(`The supergraph names a subgraph "${name}" that is not mounted`);
      return [name, subgraphClient(name, link, identityKeys)];
    }),
  );
  const dataSources = Object.fromEntries(
    [...clients].map(([name, client]) => [name, dataSource(client)]),
  );
  const prepared = operations(loaded.schema, limits);
  const planner = createPlanner(loaded);
  const apollo = await startApollo({
    ...{ supergraphSdl, dataSources, limits, log },
    production: config.production,
    apolloKey: config.apollo.key,
  });
  const engine = {
    apollo,
    operations: prepared,
    subscriptions: subscriptions({ loaded, operations: prepared, planner, clients, dataSources, limits }),
    verifyToken: options.auth ? options.verifyToken : undefined,
    limits,
    log,
  };
  const open = openStreams();
  const server = createServer(
    { requestTimeout: limits.requestTimeoutMs, headersTimeout: 10_000 },
    httpHandler({ ...engine, explorer: explorer(), open }),
  );
  const webSockets = serveWebSockets(server, engine);
  const port = await listen(server, options.port, options.host);

  let running = true;
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${String(port)}/graphql`,
    port,
    ready: () => running,
    async stop(deadlineMs) {
      if (!running) return;
      running = false;
      const closed = new Promise((resolve) => server.close(resolve));
      open.end(restarting());
      await webSockets.close(deadlineMs);
      const cut = setTimeout(() => { server.closeAllConnections(); }, deadlineMs);
      const idle = setInterval(() => { server.closeIdleConnections(); }, 50);
      await closed;
      clearTimeout(cut);
      clearInterval(idle);
      await apollo.stop();
      await connections.close();
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function restarting(): ForgeError {
  return new ForgeError(
    'SUBGRAPH_UNAVAILABLE',
    'The gateway is restarting. Subscribe again, after the last cursor you have.',
    { retryable: true, retryAfterMs: jitteredRetryMs() },
  );
}
