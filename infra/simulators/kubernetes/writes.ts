import type { Job, KubeObject, Metadata, Pod, Quota } from './objects.ts';
import { timestamp } from './objects.ts';
import type { ObjectStore } from './object-store.ts';
import type { Route } from './resources.ts';
import { resources } from './resources.ts';
import { StatusError } from './status.ts';

/** Creates an object, within the quota of its namespace. */
export function create(store: ObjectStore, route: Route, body: unknown): KubeObject {
  const { resource, namespace } = route;
  const draft = objectFrom(body);
  if (resource.namespaced) {
    if (namespace === undefined) throw new StatusError(400, 'BadRequest', 'no namespace');
    store.get(resources.namespaces, undefined, namespace);
    checkQuota(store, route, draft.metadata?.name ?? '');
  }
  const status = resource === resources.pods ? { status: { phase: 'Pending' } } : { status: {} };
  return store.create(resource, { ...status, ...draft }, namespace);
}

function objectFrom(body: unknown): Partial<KubeObject> {
  const metadata = (body as { metadata?: Partial<Metadata> } | undefined)?.metadata;
  if (!metadata || (!metadata.name && metadata.generateName === undefined)) {
    throw new StatusError(422, 'Invalid', 'name or generateName is required');
  }
  return body as Partial<KubeObject>;
}

function checkQuota(store: ObjectStore, { resource, namespace }: Route, name: string): void {
  const group = resource.apiVersion.includes('/')
    ? `.${resource.apiVersion.split('/')[0] ?? ''}`
    : '';
  const counted = `count/${resource.plural}${group}`;
  for (const quota of store.list(resources.resourcequotas, namespace) as Quota[]) {
    const hard = quota.spec?.hard ?? {};
    for (const what of [counted, resource.plural]) {
      const used = store.list(resource, namespace).length;
      if (hard[what] === undefined || used < Number(hard[what])) continue;
      const detail = `requested: ${what}=1, used: ${what}=${used}, limited: ${what}=${hard[what]}`;
      const message = `${resource.plural} "${name}" is forbidden: exceeded quota: ${quota.metadata.name}, ${detail}`;
      throw new StatusError(403, 'Forbidden', message);
    }
  }
}

interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/**
 * Deletes an object, or marks it: a pod that runs is ended by its kubelet first,
 * and what a finalizer holds stays. A second call can shorten a pod's grace only.
 */
export function remove(
  store: ObjectStore,
  { resource, namespace, name = '' }: Route,
  body: unknown,
  query: URLSearchParams,
): KubeObject {
  const found = store.get(resource, namespace, name);
  const given = (body ?? {}) as DeleteOptions;
  const asked = query.get('gracePeriodSeconds');
  const options = { ...(asked !== null && { gracePeriodSeconds: Number(asked) }), ...given };
  checkPreconditions(found, options);
  const policy = options.propagationPolicy ?? query.get('propagationPolicy') ?? 'Background';
  const grace = graceOf(resource.plural, found, options);
  const marked = store.update(resource, found, (draft) => {
    const before = draft.metadata.deletionGracePeriodSeconds;
    draft.metadata.deletionTimestamp ??= timestamp();
    draft.metadata.deletionGracePeriodSeconds = Math.min(before ?? Infinity, grace);
  });
  if (resource === resources.jobs) release(store, found as Job, policy);
  if (resource === resources.namespaces) empty(store, name);
  return marked;
}

function checkPreconditions({ metadata }: KubeObject, { preconditions = {} }: DeleteOptions): void {
  const { uid = metadata.uid, resourceVersion = metadata.resourceVersion } = preconditions;
  if (uid === metadata.uid && resourceVersion === metadata.resourceVersion) return;
  const what = uid === metadata.uid ? 'ResourceVersion' : 'UID';
  const message = `Precondition failed: ${what} in precondition: ${uid}, ${what} in object meta: ${metadata.uid}`;
  throw new StatusError(409, 'Conflict', message);
}

function graceOf(plural: string, found: KubeObject, options: DeleteOptions): number {
  if (plural !== 'pods') return 0;
  const { spec, status } = found as Pod;
  const isOver = ['Succeeded', 'Failed'].includes(status.phase) || spec.nodeName === undefined;
  return isOver ? 0 : (options.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30);
}

/** What a garbage collector does with the pods of a job that goes. */
function release(store: ObjectStore, job: Job, policy: string): void {
  for (const pod of store.list(resources.pods, job.metadata.namespace)) {
    if (!pod.metadata.ownerReferences?.some(({ uid }) => uid === job.metadata.uid)) continue;
    store.update(resources.pods, pod, (draft) => {
      draft.metadata.finalizers =
        draft.metadata.finalizers?.filter((one) => one !== tracking) ?? [];
      if (policy === 'Orphan') draft.metadata.ownerReferences = [];
    });
    if (policy === 'Orphan') continue;
    setImmediate(() => {
      removeQuietly(store, pod);
    });
  }
  for (const resource of [resources.secrets, resources.configmaps]) {
    for (const owned of store.list(resource, job.metadata.namespace)) {
      const isOwned = owned.metadata.ownerReferences?.some(({ uid }) => uid === job.metadata.uid);
      if (isOwned && policy !== 'Orphan') removeQuietly(store, owned);
    }
  }
}

/** What the job controller holds a pod by until it has counted it. */
export const tracking = 'batch.kubernetes.io/job-tracking';

export function removeQuietly(store: ObjectStore, { kind, metadata }: KubeObject): void {
  const resource = Object.values(resources).find((one) => one.kind === kind);
  const found = resource && store.find(resource, metadata.namespace, metadata.name);
  if (!resource || found?.metadata.uid !== metadata.uid) return;
  const { namespace, name } = metadata;
  remove(store, { resource, namespace, name, subresource: undefined }, {}, new URLSearchParams());
}

function empty(store: ObjectStore, namespace: string): void {
  for (const resource of Object.values(resources)) {
    if (!resource.namespaced) continue;
    for (const object of store.list(resource, namespace)) removeQuietly(store, object);
  }
}

/** Applies a JSON merge patch: null takes a field away, a list replaces a list. */
export function patch(
  store: ObjectStore,
  { resource, namespace, name = '' }: Route,
  body: unknown,
): KubeObject {
  const found = store.get(resource, namespace, name);
  const metadata = (body as { metadata?: Partial<Metadata> } | undefined)?.metadata ?? {};
  const { resourceVersion: version, uid } = metadata;
  if ((version ?? found.metadata.resourceVersion) !== found.metadata.resourceVersion) {
    throw new StatusError(409, 'Conflict', 'the object has been modified');
  }
  if ((uid ?? found.metadata.uid) !== found.metadata.uid) {
    throw new StatusError(409, 'Conflict', 'metadata.uid: field is immutable');
  }
  if (resource === resources.rolebindings && (body as { roleRef?: unknown }).roleRef != null) {
    throw new StatusError(422, 'Invalid', 'roleRef: Invalid value: cannot change roleRef');
  }
  return store.update(resource, found, (draft) => {
    Object.assign(draft, merged(draft, body));
  });
}

function merged(target: unknown, change: unknown): unknown {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) return change;
  const base: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(change)) {
    if (value === null) Reflect.deleteProperty(base, name);
    else base[name] = merged(base[name], value);
  }
  return base;
}
