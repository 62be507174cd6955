import process from 'node:process';
import { parseArgs } from 'node:util';
import { Registry } from 'prom-client';
import { createTokenVerifier } from '../subgraphs/shared/auth.ts';
import { ConfigError, loadConfig } from '../subgraphs/shared/config.ts';
import type { Config } from '../subgraphs/shared/config.ts';
import { startAdminServer } from '../subgraphs/shared/health.ts';
import { loadKeys } from '../subgraphs/shared/keys.ts';
import { createLog } from '../subgraphs/shared/log.ts';
import type { Log } from '../subgraphs/shared/log.ts';
import { startTracing } from '../subgraphs/shared/telemetry.ts';
import { createGateway } from './gateway.ts';
import { gatewaySettings } from './gateway-settings.ts';
import { supergraphFile } from './supergraph/file-source.ts';
import type { SupergraphSource } from './supergraph/source.ts';
import { uplinkSupergraph } from './supergraph/uplink-source.ts';

/**
 * Starts the gateway as a process of its own, over subgraphs behind HTTP:
 * `--supergraph FILE` serves any Federation 2 supergraph and each newer one that
 * is written there, `--port N` listens there, `--no-auth` passes everybody
 * (never in production). Without a file and with APOLLO_KEY and
 * APOLLO_GRAPH_REF the supergraph is the one that GraphOS composes.
 *
 * Gives the function that ends it.
 */
async function start(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { values } = parseArgs({
    options: {
      supergraph: { type: 'string' },
      port: { type: 'string' },
      'no-auth': { type: 'boolean', default: false },
    },
  });
  const config = loadConfig();
  const auth = !values['no-auth'];
  if (!auth && config.production) throw new Usage('--no-auth is refused in production.');
  const keys = auth ? loadKeys(config.keys) : undefined;
  const log = createLog(config.log);
  const registry = new Registry();
  const tracing = startTracing(config.tracing, 'forge-gateway');
  const gateway = await createGateway({
    ...{ config, log, registry, tracing, auth },
    supergraph: supergraphOf(values.supergraph, config, log),
    endpoints: undefined,
    ...(await gatewaySettings(config, log)),
    verifyToken: createTokenVerifier(config.auth, keys),
    identityKeys: keys,
    host: config.gateway.host,
    port: values.port === undefined ? config.gateway.port : portOf(values.port),
  });
  const admin = await startAdminServer({
    ...config.admin,
    registry,
    ready: { gateway: () => (gateway.ready() ? undefined : 'is stopping') },
  });
  return {
    url: gateway.url,
    async stop() {
      await gateway.stop(drainDeadlineMs);
      await Promise.all([admin.close(), tracing.stop()]);
    },
  };
}

/** A wrong way to start, told without a stack. */
class Usage extends Error {}

function supergraphOf(file: string | undefined, { apollo }: Config, log: Log): SupergraphSource {
  const { key: apiKey, graphRef } = apollo;
  return file === undefined && apiKey !== undefined && graphRef !== undefined
    ? uplinkSupergraph({ apiKey, graphRef, endpoints: apollo.uplink }, log)
    : supergraphFile(file ?? 'schema/supergraph.graphql', log);
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Usage(`--port is ${text}, it must be a number from 0 to 65535.`);
}

const drainDeadlineMs = 20_000;

try {
  const gateway = await start();
  process.stdout.write(`forge ready ${gateway.url}\n`);
  const stop = (): void => {
    void gateway.stop().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
} catch (cause) {
  const told = cause instanceof Usage || cause instanceof ConfigError;
  process.stderr.write(
    `${told ? cause.message : String(cause instanceof Error ? cause.stack : cause)}\n`,
  );
  process.exit(told ? 78 : 1);
}
