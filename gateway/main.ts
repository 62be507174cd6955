import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { createTokenVerifier } from '../subgraphs/shared/auth.ts';
import { ConfigError, loadConfig } from '../subgraphs/shared/config.ts';
import { loadKeys } from '../subgraphs/shared/keys.ts';
import { createLog } from '../subgraphs/shared/log.ts';
import { createGateway } from './gateway.ts';
import type { Gateway } from './gateway.ts';

/**
 * Starts the gateway as a process of its own, over subgraphs behind HTTP:
 * `--supergraph FILE` serves any Federation 2 supergraph, `--port N` listens
 * there, `--no-auth` passes everybody (never in production).
 */
async function start(): Promise<Gateway> {
  const { values } = parseArgs({
    options: {
      supergraph: { type: 'string', default: 'schema/supergraph.graphql' },
      port: { type: 'string' },
      'no-auth': { type: 'boolean', default: false },
    },
  });
  const config = loadConfig();
  const auth = !values['no-auth'];
  if (!auth && config.production) throw new Usage('--no-auth is refused in production.');
  const keys = auth ? loadKeys(config.keys) : undefined;
  return createGateway({
    config,
    log: createLog(config.log),
    supergraphSdl: await readFile(values.supergraph, 'utf8'),
    endpoints: undefined,
    verifyToken: createTokenVerifier(config.auth, keys),
    identityKeys: keys,
    host: config.gateway.host,
    port: values.port === undefined ? config.gateway.port : portOf(values.port),
    auth,
  });
}

/** A wrong way to start, told without a stack. */
class Usage extends Error {}

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
    void gateway.stop(drainDeadlineMs).then(() => process.exit(0));
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
