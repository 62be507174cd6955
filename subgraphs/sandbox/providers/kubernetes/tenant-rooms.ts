import type { ClusterClient } from './client.ts';
import { isStatus } from './cluster-error.ts';
import type { SandboxClusterSettings } from './manifests/settings.ts';
import { inOrder, tenantObjects } from './manifests/tenant.ts';
import type { TenantObject } from './manifests/tenant.ts';

/**
 * The namespaces of tenants: made when a tenant's first program is to run, whole
 * before anything runs in them. What is there is left as it is. Where this account
 * may make none, they are somebody else's to make.
 */
export class TenantRooms {
  readonly #client: ClusterClient;
  readonly #settings: SandboxClusterSettings;
  readonly #ready = new Map<string, Promise<void>>();

  constructor(client: ClusterClient, settings: SandboxClusterSettings) {
    this.#client = client;
    this.#settings = settings;
  }

  async prepare(tenantId: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const known = this.#ready.get(tenantId);
    if (known) {
      await known;
      return;
    }
    const made = this.#make(tenantId);
    this.#ready.set(tenantId, made);
    made.catch(() => {
      this.forget(tenantId);
    });
    await made;
  }

  /** Something was missing in it: it is made again before the next use. */
  forget(tenantId: string): void {
    this.#ready.delete(tenantId);
  }

  async #make(tenantId: string): Promise<void> {
    for (const object of inOrder(tenantObjects(tenantId, this.#settings))) {
      try {
        await this.#client.call({ verb: 'create', path: pathOf(object), body: object });
      } catch (error) {
        // The account that runs programs may be another than the one that makes rooms for them.
        if (object.kind === 'Namespace' && isStatus(error, 403)) return;
        if (!isStatus(error, 409)) throw error;
      }
    }
  }
}

const plurals: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  NetworkPolicy: 'networkpolicies',
  ResourceQuota: 'resourcequotas',
  LimitRange: 'limitranges',
  ServiceAccount: 'serviceaccounts',
  RoleBinding: 'rolebindings',
};

function pathOf({ apiVersion = 'v1', kind = '', metadata }: TenantObject): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const room = metadata?.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${room}/${plurals[kind] ?? ''}`;
}
