import { ContainerLog } from './container-log.ts';
import type { ObjectStore } from './object-store.ts';
import type { Condition, ContainerState, ContainerStatus, Pod, Terminated } from './objects.ts';
import { timestamp } from './objects.ts';
import { resources } from './resources.ts';

/** How a container ends. */
export interface End {
  readonly exitCode: number;
  readonly reason?: string;
  readonly message?: string;
  readonly signal?: number;
}

/** A pod in the hands of its kubelet: each word is something that happens to it. */
export class PodHandle {
  readonly #store: ObjectStore;
  readonly #logs = new Map<string, ContainerLog>();
  readonly #started = new Map<string, string>();
  #pod: Pod;

  constructor(store: ObjectStore, pod: Pod) {
    this.#store = store;
    this.#pod = pod;
  }

  /** As it is now, or as it was when it went. */
  get pod(): Pod {
    const { namespace, name, uid } = this.#pod.metadata;
    const found = this.#store.find(resources.pods, namespace, name);
    if (found?.metadata.uid === uid) this.#pod = found as Pod;
    return this.#pod;
  }

  get isHere(): boolean {
    const { namespace, name, uid } = this.#pod.metadata;
    return this.#store.find(resources.pods, namespace, name)?.metadata.uid === uid;
  }

  log(container = this.mainName): ContainerLog {
    const log = this.#logs.get(container) ?? new ContainerLog();
    this.#logs.set(container, log);
    return log;
  }

  findLog(container: string): ContainerLog | undefined {
    return this.#logs.get(container);
  }

  get mainName(): string {
    return this.#pod.spec.containers[0]?.name ?? 'main';
  }

  scheduled(): void {
    this.update((pod) => {
      pod.spec.nodeName = 'node-1';
      pod.status.startTime = timestamp();
      setCondition(pod, { type: 'PodScheduled', status: 'True' });
    });
    this.waiting('ContainerCreating');
  }

  unschedulable(message = '0/1 nodes are available: 1 Insufficient cpu.'): void {
    this.update((pod) => {
      setCondition(pod, {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message,
      });
    });
  }

  /** `ContainerCreating`, `ErrImagePull`, `ImagePullBackOff`, `InvalidImageName`, … */
  waiting(reason: string, message?: string): void {
    this.update((pod) => {
      for (const { name } of pod.spec.containers) {
        setState(pod, name, { waiting: { reason, ...(message !== undefined && { message }) } });
      }
    });
  }

  running(container = this.mainName): void {
    this.log(container);
    this.#started.set(container, timestamp());
    this.update((pod) => {
      setState(pod, container, { running: { startedAt: timestamp() } });
      if (container === this.mainName) pod.status.phase = 'Running';
    });
  }

  print(text: string | Buffer, atNanos?: bigint): void {
    this.log().append(Buffer.from(text), atNanos);
  }

  /** The end of a container; that of the first one ends the pod, unless `phase` is left to later. */
  exited(
    end: End,
    container = this.mainName,
    { endsPod = container === this.mainName } = {},
  ): void {
    this.log(container).close();
    this.update((pod) => {
      setState(pod, container, { terminated: this.#terminated(end, container) });
      if (endsPod) pod.status.phase = end.exitCode === 0 ? 'Succeeded' : 'Failed';
    });
  }

  ended(exitCode: number): void {
    this.update((pod) => {
      pod.status.phase = exitCode === 0 ? 'Succeeded' : 'Failed';
    });
  }

  /** The kubelet ends the pod by itself, with a reason of the whole pod: `Evicted`, `DeadlineExceeded`. */
  failed(reason: string, message: string, end?: End): void {
    if (end) this.log().close();
    this.update((pod) => {
      Object.assign(pod.status, { phase: 'Failed', reason, message });
      if (end) setState(pod, this.mainName, { terminated: this.#terminated(end, this.mainName) });
      if (reason === 'Evicted') {
        const why = { reason: 'TerminationByKubelet', message };
        setCondition(pod, { type: 'DisruptionTarget', status: 'True', ...why });
      }
    });
  }

  /** Its node is gone: the pod is failed by the controller of nodes, with no word of its containers. */
  nodeLost(): void {
    const message = 'Node is not responding';
    const why = { reason: 'DeletionByTaintManager', message };
    this.update((pod) => {
      setCondition(pod, { type: 'DisruptionTarget', status: 'True', ...why });
      Object.assign(pod.status, { phase: 'Failed', reason: 'NodeLost', message });
    });
  }

  /** What a kubelet does last with a pod that is being deleted. */
  gone(): void {
    this.update((pod) => {
      pod.metadata.deletionTimestamp ??= timestamp();
      pod.metadata.deletionGracePeriodSeconds = 0;
    });
  }

  update(change: (pod: Pod) => void): void {
    if (this.isHere) this.#pod = this.#store.update(resources.pods, this.pod, change);
  }

  #terminated({ exitCode, reason, ...rest }: End, container: string): Terminated {
    return {
      exitCode,
      reason: reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
      ...rest,
      startedAt: this.#started.get(container) ?? timestamp(),
      finishedAt: timestamp(),
    };
  }
}

function setCondition(pod: Pod, condition: Condition): void {
  const others = (pod.status.conditions ?? []).filter(({ type }) => type !== condition.type);
  pod.status.conditions = [...others, { ...condition, lastTransitionTime: timestamp() }];
}

function setState(pod: Pod, name: string, state: ContainerState): void {
  const isMain = pod.spec.containers.some((one) => one.name === name);
  const field = isMain ? 'containerStatuses' : 'initContainerStatuses';
  const others: ContainerStatus[] = (pod.status[field] ?? []).filter((one) => one.name !== name);
  const ready = state.running !== undefined;
  pod.status[field] = [...others, { name, ready, restartCount: 0, state }];
}
