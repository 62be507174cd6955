import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstProcess, run } from './container-process.ts';
import type { Place } from './container-process.ts';
import type { Stop } from './kubelet.ts';
import type { Container } from './objects.ts';
import type { PodHandle } from './pod-handle.ts';

/** The native sidecars of a pod: init containers that are always restarted. */
export interface Sidecars extends AsyncDisposable {
  readonly count: number;
  /** Asks them to end, with the grace of the pod, and waits until they have. */
  end(): Promise<void>;
}

/**
 * Starts them one after the other, and comes back when all run. One that ends
 * while the pod is not ending is started again.
 * Source: Kubernetes, Sidecar Containers.
 */
export async function startSidecars(
  handle: PodHandle,
  place: Place,
  stop: Stop,
): Promise<Sidecars> {
  const { initContainers = [] } = handle.pod.spec;
  const ending = new AbortController();
  const lives: Promise<void>[] = [];
  for (const container of initContainers.filter(
    ({ restartPolicy }) => restartPolicy === 'Always',
  )) {
    const started = Promise.withResolvers<ChildProcess>();
    lives.push(live(handle, container, place, endOf(handle, stop, ending.signal), started.resolve));
    await isNoticed(await started.promise);
  }
  const end = async (): Promise<void> => {
    ending.abort();
    await Promise.all(lives);
  };
  return { count: lives.length, end, [Symbol.asyncDispose]: end };
}

/** They are asked to end after the first container, and have what is left of the pod's grace. */
function endOf(handle: PodHandle, stop: Stop, signal: AbortSignal): Stop {
  const graceMs = 1_000 * (handle.pod.spec.terminationGracePeriodSeconds ?? 30);
  const deleting = (): boolean => handle.pod.metadata.deletionTimestamp !== undefined;
  return { signal, graceMs: () => (deleting() || !handle.isHere ? stop.graceMs() : graceMs) };
}

const restartMs = 100;

async function live(
  handle: PodHandle,
  container: Container,
  place: Place,
  stop: Stop,
  onStart: (child: ChildProcess) => void,
): Promise<void> {
  for (;;) {
    const end = await run(handle, container, place, stop, onStart);
    handle.exited(end, container.name, { endsPod: false });
    if (stop.signal.aborted) return;
    await sleep(restartMs);
  }
}

/**
 * A kubelet starts the next container once it has noticed that this one runs, up
 * to a second later: by then, whoever handles SIGTERM does.
 */
async function isNoticed(child: ChildProcess): Promise<void> {
  const bit = 1n << BigInt(constants.signals.SIGTERM - 1);
  for (const until = Date.now() + 1_000; Date.now() < until;) {
    await sleep(5);
    const first = await firstProcess(child);
    const status = await readFile(`/proc/${String(first)}/status`, 'utf8').catch(() => '');
    const [, handled] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status) ?? [];
    if (handled !== undefined && (BigInt(`0x${handled}`) & bit) !== 0n) return;
  }
}
