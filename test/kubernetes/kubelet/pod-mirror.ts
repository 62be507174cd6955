import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject, Pod, PodStatus } from '../../../infra/simulators/kubernetes/objects.ts';
import { ObjectStore } from '../../../infra/simulators/kubernetes/object-store.ts';
import type { Change } from '../../../infra/simulators/kubernetes/object-store.ts';
import { resources } from '../../../infra/simulators/kubernetes/resources.ts';
import { isAborted } from '../../../subgraphs/shared/time.ts';
import type { Api } from '../api.ts';

interface Mirrored {
  /** The last one that the API server was told, or is about to be. */
  status: PodStatus | undefined;
  /** Nothing of it runs any more, and the API server is told so. */
  isReleased: boolean;
  told: Promise<void>;
}

const pauseMs = 100;

/**
 * The pods of one node, as its kubelet has them: what they should be comes from
 * the API server, how they are goes to it. Between the two is a store like the
 * simulator's, so that the same scripts lead pods through their lives.
 *
 * Whatever breaks a watch or a word to the API server is tried again.
 */
export class PodMirror {
  readonly store = new ObjectStore();
  readonly #api: Api;
  readonly #node: string;
  readonly #pods = new Map<string, Mirrored>();
  readonly #over = new AbortController();
  readonly #running: Promise<void>;
  readonly #off: () => void;

  constructor(api: Api, node: string) {
    this.#api = api;
    this.#node = node;
    this.#off = this.store.on((change) => {
      this.#tell(change);
    });
    this.#running = this.#run();
  }

  /** Stops to listen. What was to be told is told. */
  async close(): Promise<void> {
    this.#over.abort();
    await this.#running;
    this.#off();
    await Promise.all([...this.#pods.values()].map(({ told }) => told));
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    const fieldSelector = `spec.nodeName=${this.#node}`;
    while (!isAborted(signal)) {
      try {
        const { items, metadata } = await this.#api.granted<PodList>({
          path: '/api/v1/pods',
          query: { fieldSelector },
        });
        const uids = new Set(items.map((pod) => pod.metadata.uid));
        for (const pod of this.store.list(resources.pods)) {
          if (!uids.has(pod.metadata.uid)) this.#lose(pod);
        }
        for (const pod of items) this.#see(pod);
        const { resourceVersion } = metadata;
        const query = { fieldSelector, resourceVersion };
        for await (const { type, object } of this.#api.watch('/api/v1/pods', query, signal)) {
          if (type === 'ERROR') break;
          if (type === 'DELETED') this.#lose(object as Pod);
          else this.#see(object as Pod);
        }
      } catch {
        // The API server is away for the moment.
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  #see(pod: Pod): void {
    const { namespace, name, uid } = pod.metadata;
    const found = this.store.find(resources.pods, namespace, name);
    if (found && found.metadata.uid !== uid) this.#lose(found);
    const known = this.#pods.get(uid);
    if (known?.isReleased) return;
    if (known) {
      this.#follow(pod);
      return;
    }
    // It ended under an earlier kubelet.
    if (pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed') return;
    this.#pods.set(uid, { status: pod.status, isReleased: false, told: Promise.resolve() });
    void this.#fetchData(pod);
    this.store.adopt(resources.pods, { ...pod, apiVersion: 'v1', kind: 'Pod' });
  }

  /** What others may change of a pod that runs: that it is to go, and its labels. */
  #follow(pod: Pod): void {
    this.store.update(resources.pods, pod, (draft) => {
      draft.metadata = pod.metadata;
    });
  }

  #lose({ metadata }: KubeObject): void {
    const known = this.#pods.get(metadata.uid);
    if (!known) return;
    known.isReleased = true;
    const found = this.store.find(resources.pods, metadata.namespace, metadata.name);
    if (found?.metadata.uid !== metadata.uid) return;
    this.store.update(resources.pods, found, (draft) => {
      draft.metadata.deletionTimestamp ??= new Date().toISOString();
      draft.metadata.deletionGracePeriodSeconds = 0;
      draft.metadata.finalizers = [];
    });
  }

  /** Secrets and ConfigMaps come later than their pods, and a node may read those of its pods alone. */
  async #fetchData(pod: Pod): Promise<void> {
    const { namespace = '', uid } = pod.metadata;
    await Promise.all(
      dataOf(pod).map(async ({ plural, name }) => {
        const path = `/api/v1/namespaces/${namespace}/${plural}/${name}`;
        while (!isAborted(this.#over.signal) && !this.#pods.get(uid)?.isReleased) {
          const answer = await this.#api.ask<KubeObject>({ path }).catch(() => undefined);
          if (answer?.status === 200) {
            this.store.adopt(resources[plural], answer.body);
            return;
          }
          await sleep(pauseMs);
        }
      }),
    );
  }

  #tell({ type, resource, object }: Change): void {
    if (resource !== resources.pods || type === 'ADDED') return;
    const known = this.#pods.get(object.metadata.uid);
    if (!known) return;
    const { status } = object as Pod;
    if (!isDeepStrictEqual(status, known.status)) {
      known.status = status;
      known.told = known.told.then(() => this.#tellStatus(object as Pod));
    }
    const { deletionTimestamp, deletionGracePeriodSeconds: grace } = object.metadata;
    if (deletionTimestamp === undefined || grace !== 0 || known.isReleased) return;
    known.isReleased = true;
    known.told = known.told.then(() => this.#tellGone(object as Pod));
  }

  async #tellStatus({ metadata: { namespace = '', name, uid }, status, spec }: Pod): Promise<void> {
    const images = new Map(
      [...spec.containers, ...(spec.initContainers ?? [])].map((one) => [one.name, one.image]),
    );
    const whole = (field: 'containerStatuses' | 'initContainerStatuses') =>
      status[field]?.map((one) => ({ ...one, image: images.get(one.name) ?? '', imageID: '' }));
    const containerStatuses = whole('containerStatuses');
    const initContainerStatuses = whole('initContainerStatuses');
    const body = {
      metadata: { uid },
      status: {
        ...status,
        ...(containerStatuses && { containerStatuses }),
        ...(initContainerStatuses && { initContainerStatuses }),
      },
    };
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
    await this.#say(() => this.#api.ask({ method: 'PATCH', path, body }));
  }

  async #tellGone({ metadata: { namespace = '', name, uid } }: Pod): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    const body = { gracePeriodSeconds: 0, preconditions: { uid } };
    await this.#say(() => this.#api.ask({ method: 'DELETE', path, body }));
  }

  /** Until there is an answer. That a pod is gone, or another one, is one. */
  async #say(word: () => ReturnType<Api['ask']>): Promise<void> {
    for (const end = Date.now() + 60_000; Date.now() < end;) {
      const answer = await word().catch(() => undefined);
      if (answer && answer.status < 500 && answer.status !== 429) {
        if (answer.status < 300 || answer.status === 404 || answer.status === 409) return;
        throw new Error(`the API server does not take it: ${answer.message}`);
      }
      await sleep(pauseMs);
    }
  }
}

interface PodList {
  readonly items: readonly Pod[];
  readonly metadata: { readonly resourceVersion: string };
}

function dataOf({ spec }: Pod): { readonly plural: 'secrets' | 'configmaps'; name: string }[] {
  const volumes = (spec.volumes ?? []).flatMap(({ secret, configMap }) => [
    ...(secret ? [`secrets/${secret.secretName}`] : []),
    ...(configMap ? [`configmaps/${configMap.name}`] : []),
  ]);
  const variables = spec.containers.flatMap(({ env = [] }) =>
    env.flatMap(({ valueFrom }) =>
      valueFrom?.secretKeyRef ? [`secrets/${valueFrom.secretKeyRef.name}`] : [],
    ),
  );
  return [...new Set([...volumes, ...variables])].map((path) => {
    const [plural = '', name = ''] = path.split('/');
    return { plural: plural as 'secrets' | 'configmaps', name };
  });
}
