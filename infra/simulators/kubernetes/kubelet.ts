import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerLog } from './container-log.ts';
import type { Change, ObjectStore } from './object-store.ts';
import type { Pod } from './objects.ts';
import { PodHandle } from './pod-handle.ts';
import { resources } from './resources.ts';

/** How a pod ends that is to end: SIGTERM was sent when this began; the grace may get shorter. */
export interface Stop {
  readonly signal: AbortSignal;
  graceMs(): number;
}

/** What happens to a pod from its creation on. When it comes back, the pod is over. */
export type PodScript = (handle: PodHandle, stop: Stop) => Promise<void>;

/** Leads each pod through what its script says, and away when it is deleted. */
export class Kubelet {
  readonly #handles = new Map<string, PodHandle>();
  readonly #stops = new Map<string, AbortController>();
  readonly #scripts = new Set<Promise<void>>();
  readonly #store: ObjectStore;
  readonly #off: () => void;
  script: PodScript;

  constructor(store: ObjectStore, script: PodScript) {
    this.#store = store;
    this.script = script;
    this.#off = store.on((change) => {
      this.#onChange(change);
    });
  }

  handle({ metadata }: Pod): PodHandle | undefined {
    return this.#handles.get(metadata.uid);
  }

  /** The pods that were ever here, in their order. */
  get handles(): readonly PodHandle[] {
    return [...this.#handles.values()];
  }

  logOf(pod: Pod, container: string): ContainerLog | undefined {
    return this.handle(pod)?.findLog(container);
  }

  async close(): Promise<void> {
    this.#off();
    for (const stop of this.#stops.values()) stop.abort();
    await Promise.all(this.#scripts);
  }

  #onChange({ type, resource, object }: Change): void {
    if (resource !== resources.pods) return;
    const { uid, deletionTimestamp, deletionGracePeriodSeconds: grace } = object.metadata;
    if (type === 'ADDED') this.#begin(object as Pod);
    else if (deletionTimestamp !== undefined) {
      const stop = this.#stops.get(uid);
      stop?.abort();
      // Its script is over, so nobody else sees to it.
      if (!stop && grace !== 0) setImmediate(() => this.#handles.get(uid)?.gone());
    }
  }

  #begin(pod: Pod): void {
    const handle = new PodHandle(this.#store, pod);
    const controller = new AbortController();
    const { uid } = pod.metadata;
    this.#handles.set(uid, handle);
    this.#stops.set(uid, controller);
    const stop: Stop = {
      signal: controller.signal,
      graceMs: () => {
        const { deletionGracePeriodSeconds: grace } = handle.pod.metadata;
        return handle.isHere ? (grace ?? 0) * 1_000 : 0;
      },
    };
    const script = this.#run(handle, stop).finally(() => {
      this.#scripts.delete(script);
      this.#stops.delete(uid);
    });
    this.#scripts.add(script);
  }

  async #run(handle: PodHandle, stop: Stop): Promise<void> {
    // Watchers see a pod before anything happens to it.
    await sleep(0);
    await this.script(handle, stop);
    if (handle.pod.metadata.deletionTimestamp !== undefined) handle.gone();
  }
}

/** A pod that starts, prints nothing, and ends when it is told to. */
export const idle: PodScript = async (handle, { signal }) => {
  handle.scheduled();
  handle.running();
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
  });
  handle.exited({ exitCode: 143 });
};
