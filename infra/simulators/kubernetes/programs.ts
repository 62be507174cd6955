import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataOf, run } from './container-process.ts';
import type { PodScript, Stop } from './kubelet.ts';
import type { DataObject, Pod } from './objects.ts';
import type { ObjectStore } from './object-store.ts';
import type { PodHandle } from './pod-handle.ts';
import { resources } from './resources.ts';
import { startSidecars } from './sidecars.ts';

export interface ProgramOptions {
  readonly store: () => ObjectStore;
  /** What every image has beside this machine's `/usr`: path in it, file on this machine. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Really runs the containers of each pod: its native sidecars, then its first
 * container, each in a file tree, a process space and with a user of its own, with
 * its volumes, its environment, its signals and its termination message. It is no
 * sandbox: it has this machine's network.
 *
 * As with a kubelet, the first container starts once the sidecars run, they are
 * asked to end once it has ended, and the pod is over when they have.
 */
export function programs({ store, files }: ProgramOptions): PodScript {
  return async (handle, stop) => {
    handle.scheduled();
    const folder = await mkdtemp(join(tmpdir(), 'forge-pod-'));
    try {
      const volumes = await fillVolumes(store(), handle, folder, stop);
      const [container] = handle.pod.spec.containers;
      if (!volumes || !container) return;
      const hosts = join(folder, 'hosts');
      await writeFile(hosts, hostsOf(handle.pod), { mode: 0o644 });
      const mine = { ...files, '/etc/hosts': hosts };
      const place = { folder, volumes, files: mine, store: store() };
      await using sidecars = await startSidecars(handle, place, stop);
      const end = await run(handle, container, place, stop);
      handle.exited(end, container.name, { endsPod: sidecars.count === 0 });
      await sidecars.end();
      if (sidecars.count > 0) handle.ended(end.exitCode);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

function hostsOf({ spec }: Pod): string {
  const lines = (spec.hostAliases ?? []).map(({ ip, hostnames }) => `${ip} ${hostnames.join(' ')}`);
  return ['127.0.0.1 localhost', ...lines, ''].join('\n');
}

/** Waits for what a volume is filled from, as a kubelet does. Undefined when the pod is to go first. */
async function fillVolumes(
  store: ObjectStore,
  { pod }: PodHandle,
  folder: string,
  { signal }: Stop,
): Promise<ReadonlyMap<string, string> | undefined> {
  const paths = new Map<string, string>();
  for (const { name, secret, configMap } of pod.spec.volumes ?? []) {
    const path = join(folder, 'volumes', name);
    await mkdir(path, { recursive: true });
    await chmod(path, 0o777);
    paths.set(name, path);
    const source = secret?.secretName ?? configMap?.name;
    if (source === undefined) continue;
    const resource = secret ? resources.secrets : resources.configmaps;
    while (!store.find(resource, pod.metadata.namespace, source)) {
      if (signal.aborted) return undefined;
      await sleep(10);
    }
    const object = store.get(resource, pod.metadata.namespace, source) as DataObject;
    for (const [file, bytes] of filesOf(object, secret ?? configMap ?? {})) {
      await writeFile(join(path, file), bytes, { mode: 0o444 });
    }
  }
  return paths;
}

function filesOf(object: DataObject, { items }: { items?: { key: string; path: string }[] }) {
  const all = dataOf(object);
  if (!items) return [...all];
  return items.map(({ key, path }): [string, Buffer] => [path, all.get(key) ?? Buffer.alloc(0)]);
}
