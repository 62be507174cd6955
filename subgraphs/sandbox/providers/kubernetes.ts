import { ForgeError } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import { clusterAccess } from './kubernetes/access.ts';
import { Attempts } from './kubernetes/attempts.ts';
import { ClusterClient } from './kubernetes/client.ts';
import type { ClusterClientOptions } from './kubernetes/client.ts';
import { jobsPath } from './kubernetes/cluster-view.ts';
import { enforced } from './kubernetes/manifests/enforced.ts';
import { attemptSelector } from './kubernetes/manifests/names.ts';
import type { SandboxClusterSettings } from './kubernetes/manifests/settings.ts';
import { answeredBy } from './answered.ts';
import type { ArtifactEntry, Runner, RunnerCall, RunnerCheck } from './runner.ts';

const answered = answeredBy('The cluster');

export interface KubernetesRunnerConfig {
  /** Without one, the service account of this pod is used. */
  readonly kubeconfig: string | undefined;
  readonly settings: SandboxClusterSettings;
  readonly client?: ClusterClientOptions;
  readonly log: Log;
}

export type KubernetesRunner = Runner & { close(): Promise<void> };

/**
 * Runs programs as Jobs of a Kubernetes cluster, each tenant's in a namespace of
 * its own: see kubernetes/README.md.
 *
 * What is on the cluster is the whole truth; here is only what was seen of it.
 * A worker may die at any point, and any other goes on. Nothing is asked of the
 * cluster before the first call.
 */
export function kubernetesRunner(config: KubernetesRunnerConfig): KubernetesRunner {
  let opened: Promise<Attempts> | undefined;
  const cluster = (): Promise<Attempts> => {
    opened ??= openCluster(config).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const asked = <T>(
    what: string,
    call: RunnerCall | undefined,
    ask: (on: Attempts) => Promise<T>,
  ) => answered(what, call, async () => ask(await cluster()));

  return {
    name: 'kubernetes',
    collects: config.settings.gate === null ? 'nothing' : 'by-upload',
    check: async (call) => {
      try {
        return await asked('check', call, (on) => check(on, config, call?.signal));
      } catch (error) {
        call?.signal?.throwIfAborted();
        return { kind: 'unavailable', message: `The cluster cannot be used: ${reasonOf(error)}` };
      }
    },
    start: (order, call) => asked('start', call, (on) => on.start(order, call?.signal)),
    look: (key, call) => asked('look', call, (on) => on.look(key, call?.signal)),
    read: (key, position, bounds, call) =>
      asked('read', call, (on) => on.read(key, position, bounds, call?.signal)),
    wait: (key, seen, { timeoutMs }, call) =>
      asked('wait', call, (on) => on.wait(key, seen, timeoutMs, call?.signal)),
    stop: (key, { graceMs }, call) =>
      asked('stop', call, (on) => on.stop(key, graceMs, call?.signal)),
    artifacts: () => none(),
    remove: (key, call) => asked('remove', call, (on) => on.remove(key, call?.signal)),
    security: (key, call) => asked('security', call, (on) => on.security(key, call?.signal)),
    list: (call) => asked('list', call, (on) => on.list(call?.signal)),
    close: async () => {
      await (await opened?.catch(() => undefined))?.close();
    },
  };
}

async function openCluster(config: KubernetesRunnerConfig): Promise<Attempts> {
  const client = new ClusterClient(await clusterAccess(config.kubeconfig), config.client);
  return new Attempts(client, config.settings, config.log);
}

async function check(
  { client }: Attempts,
  { settings }: KubernetesRunnerConfig,
  signal: AbortSignal | undefined,
): Promise<RunnerCheck> {
  const query = { labelSelector: attemptSelector, limit: 1 };
  await client.call({ verb: 'get', path: jobsPath, query, signal });
  const templates = (['node', 'python', 'shell'] as const).filter(
    (id) => settings.templates[id] !== undefined,
  );
  return { kind: 'ready', templates, ...enforced(settings, {}) };
}

async function* none(): AsyncGenerator<ArtifactEntry> {
  // What programs leave comes to the artifact gate.
}

function reasonOf(error: unknown): string {
  const cause = error instanceof ForgeError ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
