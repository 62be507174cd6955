import { setImmediate } from 'node:timers/promises';
import type { Log } from '../../../shared/log.ts';
import { sleep } from '../../../shared/time.ts';
import type { SecurityProfile } from '../../domain/security.ts';
import type {
  AttemptKey,
  AttemptSight,
  Output,
  ReadBounds,
  StartAnswer,
  StartOrder,
} from '../runner.ts';
import { AttemptOutput } from './attempt-output.ts';
import type { ClusterClient } from './client.ts';
import { mainContainerName, mainStateOf } from './cluster-objects.ts';
import type { JobObject } from './cluster-objects.ts';
import { ClusterView, keyOf } from './cluster-view.ts';
import { removeAttempt, stopAttempt } from './end-attempt.ts';
import type { SandboxClusterSettings } from './manifests/settings.ts';
import { placeAttempt } from './place-attempt.ts';
import { securityOf } from './security.ts';
import { UsageSamples } from './usage-samples.ts';

/** The attempts on a cluster: what is known of each, and the output that is being read. */
export class Attempts {
  readonly client: ClusterClient;
  readonly view: ClusterView;
  readonly settings: SandboxClusterSettings;
  readonly log: Log;
  readonly #samples: UsageSamples;
  readonly #outputs = new Map<string, AttemptOutput>();
  readonly #wakers = new Map<string, Set<() => void>>();

  constructor(client: ClusterClient, settings: SandboxClusterSettings, log: Log) {
    this.client = client;
    this.settings = settings;
    this.log = log;
    const onTrouble = (err: unknown): void => {
      log.warn({ err }, 'the watch of the cluster was broken: it is mended');
    };
    this.view = new ClusterView(client, { onTrouble });
    this.#samples = new UsageSamples(client, () => this.view.hasRunning());
    this.view.on((uid) => {
      this.#noteEnd(uid);
      this.#wake(uid);
    });
  }

  async start(order: StartOrder, signal?: AbortSignal): Promise<StartAnswer> {
    const answer = await placeAttempt(this, order, signal);
    const job = answer.kind === 'started' && (await this.view.find(order.key, signal));
    if (!job) return answer;
    const isSettled = (): boolean => this.#sightOf(job).kind !== 'starting';
    await this.#woken(job, startMsMax, signal, isSettled);
    const sight = this.#sightOf(job);
    return sight.kind === 'refused' ? sight : answer;
  }

  async look(key: AttemptKey, signal?: AbortSignal): Promise<AttemptSight> {
    const job = await this.view.find(key, signal);
    if (!job) return { kind: 'absent' };
    const sight = this.view.sight(job, new Date());
    const pod = this.view.seenPod(job)?.pod.metadata;
    if (!pod || sight.kind !== 'running') return sight;
    return { ...sight, usage: this.#samples.filled(sight.usage, pod.namespace ?? '', pod.name) };
  }

  async read(
    key: AttemptKey,
    position: string,
    bounds: ReadBounds,
    signal?: AbortSignal,
  ): Promise<Output> {
    const job = await this.view.find(key, signal);
    // Asked before the output: what is complete then, stays complete.
    const over = !job || isOver(this.#sightOf(job).kind);
    const output = job && this.#output(job, position);
    if (!output) return { lines: [], position, more: false, ended: over };
    const isToCome = (): boolean => !output.hasMore(position) && !output.isWhole;
    // The rest of it is on its way: whoever asks has nothing else to wait for.
    if (over && isToCome()) await this.#woken(job, restMsMax, signal, () => !isToCome());
    const read = output.read(position, bounds);
    return { ...read, ended: read.ended && over };
  }

  async wait(
    key: AttemptKey,
    seen: { readonly position: string; readonly kind: AttemptSight['kind'] },
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<'changed' | 'timeout'> {
    const job = await this.view.find(key, signal);
    if (!job) return 'changed';
    const isNew = (): boolean => {
      const { kind } = this.#sightOf(job);
      if (kind !== seen.kind || isOver(kind)) return true;
      return this.#output(job, seen.position)?.hasMore(seen.position) ?? false;
    };
    return (await this.#woken(job, timeoutMs, signal, isNew)) ? 'changed' : 'timeout';
  }

  async stop(key: AttemptKey, graceMs: number, signal?: AbortSignal): Promise<void> {
    const job = await this.view.find(key, signal);
    if (!job) return;
    // Its log goes with its pod.
    if (!this.#outputs.has(job.metadata.uid)) this.#output(job, '');
    await stopAttempt(this.client, this.view, job, graceMs, signal);
  }

  async remove(key: AttemptKey, signal?: AbortSignal): Promise<void> {
    const job = await this.view.find(key, signal);
    await removeAttempt(this.client, this.view, key, signal);
    if (!job) return;
    this.#outputs.get(job.metadata.uid)?.close();
    this.#outputs.delete(job.metadata.uid);
  }

  async security(key: AttemptKey, signal?: AbortSignal): Promise<SecurityProfile | undefined> {
    const job = await this.view.find(key, signal);
    return job && securityOf(job, this.view.seenPod(job)?.pod, this.settings);
  }

  async list(signal?: AbortSignal) {
    await this.view.ready(signal);
    return [...this.view.jobs.all()].flatMap((job) => {
      const key = keyOf(job);
      return key ? [{ key, createdAt: new Date(job.metadata.creationTimestamp) }] : [];
    });
  }

  async close(): Promise<void> {
    for (const output of this.#outputs.values()) output.close();
    await this.#samples.close();
    await this.view.close();
    await this.client.close();
  }

  #sightOf({ metadata }: JobObject): AttemptSight {
    const job = this.view.jobs.get(metadata.namespace ?? '', metadata.name);
    if (job?.metadata.uid !== metadata.uid) return { kind: 'absent' };
    return this.view.sight(job, new Date());
  }

  /** What there is of the output, from a position on. Undefined before the program runs. */
  #output(job: JobObject, position: string): AttemptOutput | undefined {
    const { uid } = job.metadata;
    const known = this.#outputs.get(uid);
    if (known) return known;
    const seen = this.view.seenPod(job);
    const { running, terminated } = seen ? mainStateOf(seen.pod) : {};
    if (!seen || !(running ?? terminated)) return undefined;
    const { namespace = '', name } = seen.pod.metadata;
    const output = new AttemptOutput(
      this.client,
      { namespace, pod: name, container: mainContainerName },
      position,
      { isWrapped: this.settings.wrapper !== null },
      () => {
        this.#wake(uid);
      },
    );
    this.#outputs.set(uid, output);
    this.#noteEnd(uid);
    return output;
  }

  #noteEnd(uid: string): void {
    const output = this.#outputs.get(uid);
    const seen = output && this.view.seenPod({ metadata: { uid } } as JobObject);
    if (!seen) return;
    if (seen.goneAt) output.gone();
    else if (mainStateOf(seen.pod).terminated) output.end();
  }

  #wake(uid: string): void {
    for (const wake of [...(this.#wakers.get(uid) ?? [])]) wake();
  }

  /** Waits until something is true, asking whenever something of the attempt changed. */
  async #woken(
    { metadata: { uid } }: JobObject,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    isTrue: () => boolean,
  ): Promise<boolean> {
    const end = performance.now() + timeoutMs;
    const wakers = this.#wakers.get(uid) ?? new Set();
    this.#wakers.set(uid, wakers);
    let pause = new AbortController();
    const wake = (): void => {
      pause.abort();
    };
    wakers.add(wake);
    try {
      // All is in memory: who waits in a loop must not keep the cluster from being heard.
      await setImmediate();
      for (;;) {
        pause = new AbortController();
        if (isTrue()) return true;
        const leftMs = Math.min(askAgainMs, end - performance.now());
        if (leftMs <= 0) return false;
        const over = signal ? AbortSignal.any([pause.signal, signal]) : pause.signal;
        await sleep(leftMs, over).catch(() => undefined);
        signal?.throwIfAborted();
      }
    } finally {
      wakers.delete(wake);
      if (wakers.size === 0) this.#wakers.delete(uid);
    }
  }
}

/** A pod on a node that has its image starts in this time. Past it, `look` tells how it goes on. */
const startMsMax = 2_000;
const restMsMax = 1_000;
/** Some sights change with the time alone. */
const askAgainMs = 1_000;

function isOver(kind: AttemptSight['kind']): boolean {
  return kind !== 'running' && kind !== 'starting';
}
