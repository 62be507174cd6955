import type { RoomAnswer } from '../../rooms.ts';
import type { ClusterClient } from '../client.ts';
import { ClusterError, isStatus } from '../cluster-error.ts';
import { annotationNames, tenantNamespace } from '../manifests/names.ts';
import type { SandboxClusterSettings } from '../manifests/settings.ts';
import { inOrder, tenantObjects } from '../manifests/tenant.ts';
import type { TenantObject } from '../manifests/tenant.ts';
import { driftOf } from './drift.ts';

/** What is read of an object of a tenant. */
export interface Found {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
}

/**
 * Makes the namespace of a tenant and what belongs in it, object by object in
 * the order in which they must come to be, and mends each that is another way.
 *
 * Each object is looked up, then created or changed at the version that was
 * seen. Of two who do so at once one meets a conflict, and looks again.
 */
export async function keepRoom(
  client: ClusterClient,
  tenantId: string,
  settings: SandboxClusterSettings,
  signal: AbortSignal | undefined,
): Promise<RoomAnswer> {
  const objects = tenantObjects(tenantId, settings);
  const mended: string[] = [];
  try {
    for (const object of inOrder(objects)) {
      const done = await keepObject(client, tenantId, object, signal);
      if (done.kind === 'foreign') return { kind: 'refused', message: done.message };
      if (done.kind === 'mended') mended.push(`${object.kind ?? ''} ${nameOf(object)}`);
    }
    const stranger = await findStranger(client, objects, signal);
    if (stranger !== undefined) return { kind: 'refused', message: stranger };
  } catch (error) {
    const message = refusalOf(error);
    if (message === undefined) throw error;
    return { kind: 'refused', message };
  }
  return { kind: 'ready', mended };
}

type Kept =
  | { readonly kind: 'as-it-must-be' | 'mended' }
  | { readonly kind: 'foreign'; readonly message: string };

const conflictsMax = 3;

async function keepObject(
  client: ClusterClient,
  tenantId: string,
  object: TenantObject,
  signal: AbortSignal | undefined,
): Promise<Kept> {
  for (let conflicts = 0; ; conflicts += 1) {
    try {
      const found = await findObject(client, pathOf(object, nameOf(object)), signal);
      if (!found) {
        await client.call({ verb: 'create', path: pathOf(object), body: object, signal });
        return { kind: 'mended' };
      }
      const foreign = foreignIn(tenantId, object, found);
      if (foreign !== undefined) return { kind: 'foreign', message: foreign };
      const change = driftOf(object, found);
      if (!change) return { kind: 'as-it-must-be' };
      await patchAt(client, pathOf(object, nameOf(object)), found, change, signal);
      return { kind: 'mended' };
    } catch (error) {
      if (!isStatus(error, 409) || conflicts >= conflictsMax) throw error;
    }
  }
}

/** A namespace by this name that is not this tenant's, or that is going, is nobody's room. */
function foreignIn(tenantId: string, { kind }: TenantObject, found: Found): string | undefined {
  if (kind !== 'Namespace') return undefined;
  const { name, annotations, deletionTimestamp } = found.metadata;
  if (!isRoomOf(tenantId, found)) {
    return `The namespace ${name} is of ${annotations?.[annotationNames.tenantId] ?? 'nobody'}.`;
  }
  return deletionTimestamp === undefined ? undefined : `The namespace ${name} is being deleted.`;
}

export function isRoomOf(tenantId: string, { metadata }: Found): boolean {
  return metadata.annotations?.[annotationNames.tenantId] === tenantId;
}

async function patchAt(
  client: ClusterClient,
  path: string,
  { metadata }: Found,
  change: object,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { resourceVersion } = metadata;
  const { metadata: changed } = change as { readonly metadata?: object };
  const body = { ...change, metadata: { ...changed, resourceVersion } };
  await client.call({ verb: 'patch', path, body, signal });
}

/**
 * Policies add up, and so do bindings: one that is not ours opens what ours
 * shut. It may be an operator's wish, so it is told and not removed, and
 * nothing runs beside it.
 */
async function findStranger(
  client: ClusterClient,
  objects: ReturnType<typeof tenantObjects>,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  for (const kind of ['NetworkPolicy', 'RoleBinding']) {
    const ofKind = inOrder(objects).filter((object) => object.kind === kind);
    const ours = ofKind.map(nameOf);
    const [first = objects.roleBinding] = ofKind;
    const call = { verb: 'get', path: pathOf(first), query: { limit: 100 }, signal } as const;
    const { items } = await client.call<{ readonly items: readonly Found[] }>(call);
    const stranger = items.find(({ metadata: { name } }) => !ours.includes(name));
    if (stranger) {
      const { namespace = '' } = first.metadata ?? {};
      const named = `${kind} ${stranger.metadata.name} in ${namespace}`;
      return `The ${named} is not Forge's and may open what others shut: remove it.`;
    }
  }
  return undefined;
}

/** Looks an object up. Undefined when there is none. */
export async function findObject(
  client: ClusterClient,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Found | undefined> {
  try {
    return await client.call<Found>({ verb: 'get', path, signal });
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

export function namespacePath(tenantId: string): string {
  return `/api/v1/namespaces/${tenantNamespace(tenantId)}`;
}

/** What will be said again, however often it is asked. */
function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof ClusterError) || ![400, 401, 403, 422].includes(error.status)) {
    return undefined;
  }
  return `${error.reason}: ${error.message}`;
}

const plurals: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  NetworkPolicy: 'networkpolicies',
  ResourceQuota: 'resourcequotas',
  LimitRange: 'limitranges',
  ServiceAccount: 'serviceaccounts',
  RoleBinding: 'rolebindings',
};

function nameOf({ metadata }: TenantObject): string {
  return metadata?.name ?? '';
}

function pathOf({ apiVersion = 'v1', kind = '', metadata }: TenantObject, name?: string): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const room = metadata?.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${room}/${plurals[kind] ?? ''}${name === undefined ? '' : `/${name}`}`;
}
