import { createHash } from 'node:crypto';
import { answeredBy } from './answered.ts';
import { clusterAccess } from './kubernetes/access.ts';
import { ClusterClient } from './kubernetes/client.ts';
import type { ClusterClientOptions } from './kubernetes/client.ts';
import { isStatus } from './kubernetes/cluster-error.ts';
import type { SandboxClusterSettings } from './kubernetes/manifests/settings.ts';
import { tenantObjects } from './kubernetes/manifests/tenant.ts';
import { findObject, isRoomOf, keepRoom, namespacePath } from './kubernetes/tenancy/keep-room.ts';
import type { RoomKeeper } from './rooms.ts';

const answered = answeredBy('The cluster');

export interface KubernetesRoomsConfig {
  /** That of the runner. Settings may name another for tenancy. */
  readonly kubeconfig: string | undefined;
  readonly settings: SandboxClusterSettings;
  readonly client?: ClusterClientOptions;
}

/**
 * Keeps a namespace for each tenant on a cluster, under an account of its own:
 * what runs programs has no right over what holds them. See
 * kubernetes/README.md. Nothing is asked of the cluster before the first call.
 */
export function kubernetesRooms(
  config: KubernetesRoomsConfig,
): RoomKeeper & { close(): Promise<void> } {
  const { settings } = config;
  const { kubeconfig, context } = settings.tenancy;
  let opened: Promise<ClusterClient> | undefined;
  const cluster = (): Promise<ClusterClient> => {
    opened ??= clusterAccess(kubeconfig ?? config.kubeconfig, context ?? undefined)
      .then((access) => new ClusterClient(access, config.client))
      .catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
    return opened;
  };
  return {
    profile: profileOf(settings),
    keep: (tenantId, call) =>
      answered('keep a room', call, async () =>
        keepRoom(await cluster(), tenantId, settings, call?.signal),
      ),
    remove: (tenantId, call) =>
      answered('remove a room', call, async () =>
        removeRoom(await cluster(), tenantId, call?.signal),
      ),
    close: async () => {
      await (await opened?.catch(() => undefined))?.close();
    },
  };
}

/** The same for the same objects, whoever they are for. */
function profileOf(settings: SandboxClusterSettings): string {
  const objects = JSON.stringify(tenantObjects('', settings));
  return createHash('sha256').update(objects).digest('hex');
}

/** Deletes this very namespace: one of the same name that came after it is another. */
async function removeRoom(
  client: ClusterClient,
  tenantId: string,
  signal: AbortSignal | undefined,
): Promise<'gone' | 'going'> {
  const path = namespacePath(tenantId);
  const found = await findObject(client, path, signal);
  if (!found || !isRoomOf(tenantId, found)) return 'gone';
  const { uid, deletionTimestamp } = found.metadata;
  if (deletionTimestamp !== undefined) return 'going';
  try {
    const body = { propagationPolicy: 'Background', preconditions: { uid } };
    await client.call({ verb: 'delete', path, body, signal });
  } catch (error) {
    if (!isStatus(error, 404, 409)) throw error;
  }
  return 'going';
}
