import { Registry } from 'prom-client';
import type { Config } from '../subgraphs/shared/config.ts';
import type { Log } from '../subgraphs/shared/log.ts';
import { noTracing } from '../subgraphs/shared/telemetry.ts';
import type { Tracing } from '../subgraphs/shared/telemetry.ts';
import { startApollo } from './apollo.ts';
import { admission } from './limits/admission.ts';
import type { AdmissionOptions } from './limits/admission.ts';
import type { TokenVerifier } from './auth/auth.ts';
import { dataSource } from './subgraph-client/data-source.ts';
import { demandControl } from './demand/demand.ts';
import type { Engine } from './engine.ts';
import { hardening as hardeningOf } from './hardening/hardening.ts';
import type { HardeningOptions } from './hardening/hardening.ts';
import { createExecutor } from './executor/executor.ts';
import { explorer } from './explorer.ts';
import type { HttpRoute } from './explorer.ts';
import type { IdentityKeys } from './subgraph-client/identity-signatures.ts';
import { defaultLimits } from './limits/limits.ts';
import type { Limits } from './limits/limits.ts';
import { createListener, drain, listen } from './listener.ts';
import { operations as prepareOperations } from './operations/operation.ts';
import { createPlanner } from './supergraph/planner.ts';
import { subgraphClient } from './subgraph-client/subgraph-client.ts';
import type { SubgraphEndpoint } from './subgraph-client/subgraph-client.ts';
import { subgraphConnections } from './subgraph-client/subgraph-http.ts';
import { subscriptions } from './subscriptions/subscriptions.ts';
import { loadSupergraph } from './supergraph/supergraph.ts';
import { gatewayMetrics } from './telemetry.ts';
import { rememberingTokens } from './auth/verified-tokens.ts';
import { openStreams } from './transports/http-stream.ts';
import { httpHandler } from './transports/http.ts';
import { serveWebSockets } from './transports/websocket.ts';

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
  readonly hardening?: HardeningOptions;
  readonly admission?: Omit<AdmissionOptions, 'limits'>;
  /** Whether answers say what they cost, in `extensions.cost`; for development. */
  readonly tellCost?: boolean;
  readonly tracing?: Tracing;
  /** What else is served on the gateway's port. */
  readonly routes?: readonly HttpRoute[];
  /** Where the gateway's metrics are registered. */
  readonly registry?: Registry;
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

/** Starts the gateway. The parts stand in the reverse order of a request's way through them. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, log, supergraphSdl, endpoints, identityKeys, host } = options;
  const { routes = [], tracing = noTracing, tellCost: isTold = false } = options;
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const loaded = loadSupergraph(supergraphSdl);
  const metrics = gatewayMetrics(options.registry ?? new Registry());
  const demand = demandControl({ graph: loaded, limits, isTold, measured: metrics.cost });
  const hardening = hardeningOf(loaded, { demand, ...options.hardening });
  const entrance = admission({ limits, ...options.admission });

  const connections = subgraphConnections();
  const clients = new Map(
    loaded.subgraphs.map(({ name, url }) => {
      const link = endpoints ? endpoints.get(name) : connections.link(name, url);
      if (!link) throw new Error(`The supergraph names a subgraph "${name}" that is not mounted`);
      return [name, subgraphClient(name, link, { identityKeys, metrics, tracing })];
    }),
  );
  const dataSources = Object.fromEntries(
    [...clients].map(([name, client]) => [name, dataSource(client)]),
  );

  const {
    production,
    apollo: { key: apolloKey },
  } = config;
  const operations = prepareOperations(loaded.schema, limits, entrance);
  const executor = createExecutor({ ...loaded, ...createPlanner(loaded), subgraphs: clients });
  const parts = { loaded, operations, executor, hardening, clients, limits, metrics };
  const engine: Engine = {
    apollo: await startApollo({
      ...{ supergraphSdl: loaded.sdl, dataSources, executor, hardening },
      ...{ production, apolloKey, limits, metrics, log },
    }),
    subscriptions: subscriptions(parts),
    ...{ operations, admission: entrance },
    verifyToken: options.auth ? rememberingTokens(options.verifyToken) : undefined,
    limits,
    log,
    tracing,
  };

  const open = openStreams();
  const server = createListener(httpHandler({ engine, explorer: explorer(), routes, open }));
  const webSockets = serveWebSockets(server, engine);
  const port = await listen(server, options.port, host);

  let running = true;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${String(port)}/graphql`,
    port,
    ready: () => running,
    async stop(deadlineMs) {
      if (!running) return;
      running = false;
      await drain(server, { open, webSockets }, deadlineMs);
      await engine.apollo.stop();
      await connections.close();
    },
  };
}
