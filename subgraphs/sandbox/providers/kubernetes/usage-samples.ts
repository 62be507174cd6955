import { isAborted, sleep } from '../../../shared/time.ts';
import type { AttemptUsage } from '../runner.ts';
import type { ClusterClient } from './client.ts';
import { attemptSelector } from './manifests/names.ts';

interface Metrics {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly timestamp: string;
  readonly containers: readonly {
    readonly usage: { readonly cpu?: string; readonly memory?: string };
  }[];
}

type Sample = Pick<AttemptUsage, 'cpuMs' | 'memoryBytes' | 'memoryPeakBytes'> & {
  readonly atMs: number;
};

const metricsPath = '/apis/metrics.k8s.io/v1beta1/pods';

export interface SamplePace {
  /** As often as a cluster measures, by default. */
  readonly everyMs: number;
  /** Where the cluster has no metrics, they may be installed later. */
  readonly absentMs: number;
}

/**
 * What programs use while they run, asked of the cluster for all of them at
 * once. It is for watching, not for billing: what runs shorter than the cluster
 * measures is never seen, and CPU time is summed up from rates.
 */
export class UsageSamples {
  readonly #client: ClusterClient;
  readonly #pace: SamplePace;
  readonly #isNeeded: () => boolean;
  readonly #over = new AbortController();
  readonly #done: Promise<void>;
  #samples = new Map<string, Sample>();

  constructor(
    client: ClusterClient,
    isNeeded: () => boolean,
    pace: SamplePace = { everyMs: 15_000, absentMs: 300_000 },
  ) {
    this.#client = client;
    this.#isNeeded = isNeeded;
    this.#pace = pace;
    this.#done = this.#run();
  }

  /** The usage with what was sampled of a pod, if it was. */
  filled(usage: AttemptUsage, namespace: string, name: string): AttemptUsage {
    const sample = this.#samples.get(`${namespace}/${name}`);
    if (!sample) return usage;
    const { cpuMs, memoryBytes, memoryPeakBytes } = sample;
    return { ...usage, cpuMs, memoryBytes, memoryPeakBytes };
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    while (!isAborted(signal)) {
      let pauseMs = this.#pace.everyMs;
      try {
        if (this.#isNeeded()) await this.#ask(signal);
        else this.#samples.clear();
      } catch {
        // Nothing but what is shown meanwhile depends on it.
        pauseMs = this.#pace.absentMs;
      }
      await sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const query = { labelSelector: attemptSelector };
    const call = { verb: 'get', path: metricsPath, query, signal } as const;
    const { items } = await this.#client.call<{ readonly items: readonly Metrics[] }>(call);
    this.#samples = new Map(
      items.map((item) => {
        const key = `${item.metadata.namespace ?? ''}/${item.metadata.name}`;
        return [key, sampleAfter(this.#samples.get(key), item)];
      }),
    );
  }
}

function sampleAfter(before: Sample | undefined, { timestamp, containers }: Metrics): Sample {
  const atMs = Date.parse(timestamp);
  if (before && before.atMs >= atMs) return before;
  const sum = (of: 'cpu' | 'memory'): number =>
    containers.reduce((all, { usage }) => all + quantityIn(usage[of]), 0);
  const memoryBytes = Math.round(sum('memory'));
  const cpuMs = (before?.cpuMs ?? 0) + Math.round(sum('cpu') * (atMs - (before?.atMs ?? atMs)));
  const memoryPeakBytes = Math.max(before?.memoryPeakBytes ?? 0, memoryBytes);
  return { atMs, cpuMs, memoryBytes, memoryPeakBytes };
}

const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

/** Reads a quantity: `250m`, `1234567n`, `12Ki`. What is none counts as nothing. */
function quantityIn(text = '0'): number {
  const [, number, suffix = ''] = /^([0-9.]+)([A-Za-z]*)$/.exec(text) ?? [];
  return Number(number ?? 0) * (suffixes[suffix] ?? 0);
}
