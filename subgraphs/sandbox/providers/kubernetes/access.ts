import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent } from 'undici';
import { ForgeError } from '../../../shared/errors.ts';

/** How a cluster is reached, as it stands at the moment. */
export interface Access {
  readonly origin: string;
  /** What comes before every path, without a slash at its end. */
  readonly basePath: string;
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ClusterAccess {
  /** Gives what is needed for a call. `fresh` reads certificates and tokens again first. */
  get(fresh?: boolean): Promise<Access>;
  close(): Promise<void>;
}

/** Tokens of service accounts are renewed in their file long before they end. */
const readAgainMs = 60_000;

const connectionsMax = 64;

/**
 * Reads how to reach a cluster from a kubeconfig file; without one, from where
 * Kubernetes puts it into a pod. A context of the file says which cluster, and as whom.
 *
 * One pool of connections serves all calls and streams. Another one takes its
 * place only when the certificates change; streams of the old one end by themselves.
 */
export async function clusterAccess(
  file: string | undefined,
  context?: string,
): Promise<ClusterAccess> {
  // Loaded here: it is large, and most installations have no cluster.
  const { KubeConfig } = await import('@kubernetes/client-node');
  let known:
    { readonly access: Access; readonly tls: string; readonly untilMs: number } | undefined;
  let asked: Promise<Access> | undefined;

  const read = async (): Promise<Access> => {
    const config = new KubeConfig();
    if (file === undefined) config.loadFromCluster();
    else config.loadFromFile(file);
    if (context !== undefined) config.setCurrentContext(context);
    const { server, options, headers } = await materialOf(config, file);
    const tls = JSON.stringify(tlsOf(options), (_, value: unknown) =>
      Buffer.isBuffer(value) ? value.toString('base64') : value,
    );
    const agent = known?.tls === tls ? known.access.agent : agentFor(options);
    if (known && known.access.agent !== agent) void known.access.agent.close();
    const { origin, pathname } = new URL(server);
    const access = { origin, basePath: pathname.replace(/\/+$/, ''), agent, headers };
    known = { access, tls, untilMs: performance.now() + readAgainMs };
    return access;
  };
  return {
    get: async (fresh = false) => {
      if (known && !fresh && performance.now() < known.untilMs) return known.access;
      asked ??= read().finally(() => {
        asked = undefined;
      });
      return await asked;
    },
    close: async () => {
      await known?.access.agent.destroy();
    },
  };
}

async function materialOf(
  config: KubeConfig,
  file: string | undefined,
): Promise<{ server: string; options: RequestOptions; headers: Record<string, string> }> {
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    const where = file ?? 'the service account of this pod';
    throw new ForgeError('INTERNAL', `There is no cluster in ${where}.`);
  }
  const options: RequestOptions = { headers: {} };
  await config.applyToHTTPSOptions(options);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value;
  }
  if (options.auth != null) {
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return { server: cluster.server, options, headers };
}

function tlsOf({ ca, cert, key, pfx, passphrase, servername, rejectUnauthorized }: RequestOptions) {
  const given = { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function agentFor(options: RequestOptions): Agent {
  return new Agent({
    connections: connectionsMax,
    pipelining: 1,
    connect: { timeout: 5_000, keepAlive: true, keepAliveInitialDelay: 15_000, ...tlsOf(options) },
    // Each call has limits of its own; a watch or a log may be silent for long.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}
