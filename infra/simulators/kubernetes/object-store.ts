import { randomUUID } from 'node:crypto';
import type { KubeObject } from './objects.ts';
import { timestamp } from './objects.ts';
import type { Resource } from './resources.ts';
import { StatusError, expired, notFound } from './status.ts';

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly resource: Resource;
  readonly object: KubeObject;
}

/** A snapshot of a list that is given in pages. */
interface Page {
  readonly version: number;
  readonly items: readonly KubeObject[];
}

/**
 * The objects of a cluster with their one row of versions, and what happened to
 * them, as far back as it is remembered. Objects in it never change: a change
 * puts another one in their place.
 */
export class ObjectStore {
  readonly #objects = new Map<Resource, Map<string, KubeObject>>();
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #pages = new Map<string, Page>();
  #history: Change[] = [];
  #version = 100;
  #compacted = 100;

  get version(): number {
    return this.#version;
  }

  create(resource: Resource, draft: Partial<KubeObject>, namespace?: string): KubeObject {
    const given = structuredClone(draft);
    const metadata = { ...given.metadata } as KubeObject['metadata'];
    if (!metadata.name && metadata.generateName !== undefined) {
      metadata.name = `${metadata.generateName}${randomUUID().slice(0, 5)}`;
    }
    const key = keyOf(namespace, metadata.name);
    if (this.#of(resource).has(key)) {
      const message = `${resource.plural} "${metadata.name}" already exists`;
      throw new StatusError(409, 'AlreadyExists', message);
    }
    const object: KubeObject = {
      ...given,
      apiVersion: resource.apiVersion,
      kind: resource.kind,
      metadata: {
        ...metadata,
        ...(namespace !== undefined && { namespace }),
        uid: randomUUID(),
        creationTimestamp: timestamp(),
        resourceVersion: '',
      },
    };
    return this.#put(resource, 'ADDED', object);
  }

  /** Takes in an object of another store as it is: its uid stays. */
  adopt(resource: Resource, object: KubeObject): KubeObject {
    const { namespace, name } = object.metadata;
    const type = this.find(resource, namespace, name) ? 'MODIFIED' : 'ADDED';
    return this.#put(resource, type, object);
  }

  find(resource: Resource, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#of(resource).get(keyOf(namespace, name));
  }

  get(resource: Resource, namespace: string | undefined, name: string): KubeObject {
    const object = this.find(resource, namespace, name);
    if (!object) throw notFound(resource.plural, name);
    return object;
  }

  /** Sorted by key, as etcd gives them. */
  list(resource: Resource, namespace?: string): KubeObject[] {
    return [...this.#of(resource).entries()]
      .filter(([, { metadata }]) => namespace === undefined || metadata.namespace === namespace)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  /** Changes what is there under this uid, if it is still there. What has to go and is held by no finalizer goes. */
  update<T extends KubeObject>(resource: Resource, { metadata }: T, change: (draft: T) => void): T {
    const found = this.find(resource, metadata.namespace, metadata.name);
    if (found?.metadata.uid !== metadata.uid) throw notFound(resource.plural, metadata.name);
    const draft = structuredClone(found) as T;
    change(draft);
    const { deletionTimestamp, deletionGracePeriodSeconds: grace, finalizers } = draft.metadata;
    const isOver = deletionTimestamp !== undefined && (grace ?? 0) === 0;
    const type = isOver && !finalizers?.length ? 'DELETED' : 'MODIFIED';
    return this.#put(resource, type, draft) as T;
  }

  #put(resource: Resource, type: Change['type'], draft: KubeObject): KubeObject {
    this.#version += 1;
    const version = this.#version;
    const object = {
      ...draft,
      metadata: { ...draft.metadata, resourceVersion: String(version) },
    };
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    if (type === 'DELETED') this.#of(resource).delete(key);
    else this.#of(resource).set(key, object);
    const changed = { type, version, resource, object };
    this.#history.push(changed);
    for (const listener of [...this.#listeners]) listener(changed);
    return object;
  }

  /** What happened to a resource after a version. Throws 410 when that is not remembered any more. */
  since(resource: Resource, version: number): Change[] {
    if (version < this.#compacted) {
      throw expired(`too old resource version: ${version} (${this.#compacted})`);
    }
    return this.#history.filter((one) => one.version > version && one.resource === resource);
  }

  on(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Forgets what happened up to now: who goes on from an older version has to list again. */
  compact(): void {
    this.#version += 1;
    this.#compacted = this.#version;
    this.#history = [];
    this.#pages.clear();
  }

  /** Remembers the rest of a list, as it was, under a token. */
  keepPage(page: Page): string {
    const token = Buffer.from(randomUUID()).toString('base64url');
    this.#pages.set(token, page);
    return token;
  }

  page(token: string): Page {
    const found = this.#pages.get(token);
    if (!found) throw expired('The provided continue parameter is too old');
    return found;
  }

  #of(resource: Resource): Map<string, KubeObject> {
    const known = this.#objects.get(resource) ?? new Map<string, KubeObject>();
    this.#objects.set(resource, known);
    return known;
  }
}

function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}
