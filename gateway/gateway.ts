import { Registry } from 'prom-client';
import type { Config } from '../subgraphs/shared/config.ts';
import type { Log } from '../subgraphs/shared/log.ts';
import { noTracing } from '../subgraphs/shared/telemetry.ts';
import type { Tracing } from '../subgraphs/shared/telemetry.ts';
import { startApollo } from './pipeline/apollo.ts';
import { directAnswers } from './pipeline/direct.ts';
import { admission } from './limits/admission.ts';
import type { AdmissionOptions } from './limits/admission.ts';
import type { TokenVerifier } from './auth/auth.ts';
import type { Engine } from './engine.ts';
import type { HardeningOptions } from './hardening/hardening.ts';
import { graphMaker } from './graph-maker.ts';
import { apolloSandbox } from './pages/apollo-sandbox.ts';
import { explorer } from './pages/explorer.ts';
import type { HttpRoute } from './pages/explorer.ts';
import type { IdentityKeys } from './subgraph-client/identity-signatures.ts';
import { defaultLimits } from './limits/limits.ts';
import type { Limits } from './limits/limits.ts';
import { createListener, drain, listen } from './listener.ts';
import { cacheMetrics } from './caching/cache-metrics.ts';
import { caching as startCaching, noCaching } from './caching/caching.ts';
import type { CachingOptions } from './caching/caching.ts';
import { startOperations } from './start-operations.ts';
import type { StartOptions } from './start-operations.ts';
import { servedGraphs } from './served-graphs.ts';
import type { ServedGraph, ServedGraphs } from './served-graphs.ts';
import type { SupergraphSource } from './supergraph/source.ts';
import type { SubgraphEndpoint } from './subgraph-client/subgraph-client.ts';
import { forwardedNames, forwarding } from './subgraph-client/rules.ts';
import type { SubgraphRules } from './subgraph-client/rules.ts';
import { subgraphClients } from './subgraph-client/subgraph-clients.ts';
import type { SubgraphClients } from './subgraph-client/subgraph-clients.ts';
import { subscriptions } from './subscriptions/subscriptions.ts';
import { gatewayMetrics } from './telemetry.ts';
import type { GatewayMetrics } from './telemetry.ts';
import { rememberingTokens } from './auth/verified-tokens.ts';
import { heartbeats } from './transports/heartbeats.ts';
import { httpHandler } from './transports/http.ts';
import { OpenStreams } from './transports/open-streams.ts';
import { tokenWatch } from './transports/token-watch.ts';
import { serveWebSockets } from './transports/websocket.ts';

export interface GatewayOptions {
  readonly config: Pick<Config, 'production'> & {
    readonly apollo: Pick<Config['apollo'], 'key' | 'graphRef'>;
  };
  readonly log: Log;
  readonly supergraph: SupergraphSource;
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
  readonly subgraphRules?: SubgraphRules;
  readonly admission?: Omit<AdmissionOptions, 'limits'>;
  /** The list of operations, and what becomes of others; without it every text is run. */
  readonly persisted?: StartOptions['persisted'];
  /** How long a graph is made ready for what will be asked, before it is served. */
  readonly warmUpMs?: number;
  /** Which answers are kept, and whether executions are shared; neither without it. */
  readonly caching?: Partial<Omit<CachingOptions, 'readsHeaders'>>;
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

interface GraphParts {
  readonly limits: Limits;
  readonly metrics: GatewayMetrics;
  readonly subgraphs: SubgraphClients;
  readonly readsHeaders: boolean;
}

/** Serves the supergraph, and each newer one over connections of its own. */
async function startGraphs(
  { supergraph, hardening, tellCost = false, log }: GatewayOptions,
  { limits, metrics, subgraphs, readsHeaders }: GraphParts,
  makeReady: (graph: ServedGraph) => Promise<void>,
): Promise<ServedGraphs> {
  const graphs = await servedGraphs({
    ...{ source: supergraph, reloaded: metrics.reloaded, log },
    make: graphMaker({
      ...{ clientOf: subgraphs.clientOf, readsHeaders, limits, hardening, tellCost },
      measuredCost: metrics.cost,
    }),
    warm: makeReady,
  });
  graphs.onReplaced(({ loaded }) => {
    subgraphs.keepOnly(loaded.subgraphs, limits.requestTimeoutMs);
  });
  return graphs;
}

/** Starts the gateway. The parts stand in the reverse order of a request's way through them. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, log, endpoints, identityKeys, host } = options;
  const { routes = [], tracing = noTracing, subgraphRules: rules = {} } = options;
  const { production, apollo } = config;
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const registry = options.registry ?? new Registry();
  const metrics = gatewayMetrics(registry);
  const entrance = admission({ limits, ...options.admission });
  const subgraphs = subgraphClients({ endpoints, rules, identityKeys, metrics, tracing, log });
  const started = await startOperations({
    ...{ limits, admission: entrance, introspection: !production, log },
    ...{ persisted: options.persisted, warmUpMs: options.warmUpMs, unlisted: metrics.unlisted },
  });
  const { operations } = started;
  const readsHeaders = endpoints === undefined;
  const caching = startCaching({ ...noCaching, ...options.caching, readsHeaders });
  const parts = { limits, metrics, subgraphs, readsHeaders };
  const graphs = await startGraphs(options, parts, started.makeReady);
  started.follow(graphs);
  cacheMetrics(registry, {
    ...{ ...started.caches, ...caching.caches },
    plans: () => graphs.current.executor.plans,
  });

  const pipeline = { graphs, operations, caching, metrics, tracing };
  const engine: Engine = {
    apollo: await startApollo({ ...pipeline, limits, log, production, apollo }),
    direct: apollo.key === undefined ? directAnswers(pipeline) : undefined,
    subscriptions: subscriptions({ graphs, operations, limits, metrics }),
    ...{ operations, admission: entrance },
    verifyToken: options.auth ? rememberingTokens(options.verifyToken) : undefined,
    forwarding: forwarding(rules),
    vary: ['accept', 'authorization', ...forwardedNames(rules)].join(', '),
    ...{ limits, log, tracing },
    heartbeats: heartbeats(limits.heartbeatMs),
    tokens: tokenWatch(limits.tokenWarningMs),
  };

  const open = new OpenStreams();
  const pages = [explorer(), apolloSandbox(), ...routes];
  const server = createListener(httpHandler({ engine, routes: pages, open }));
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
      engine.heartbeats.stop();
      engine.tokens.stop();
      await Promise.all([graphs.stop(), started.stop()]);
      await engine.apollo.stop();
      await subgraphs.close();
    },
  };
}
