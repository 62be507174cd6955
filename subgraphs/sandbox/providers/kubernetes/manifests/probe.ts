import { z } from 'zod';
import type { AttemptOrder } from './attempt/order.ts';
import type { ClusterFacts } from './enforced.ts';
import { probeSource } from './probe/source.ts';

/** A place that answers whoever can reach it: the API server, the DNS of the cluster. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
}

/** The tenant under which a cluster is probed. No customer has it. */
export const probeTenant = 'forge:probe';

/**
 * The program that sees for itself what holds a program: it is an attempt like
 * any other, in a namespace like any other, and tries what none may do. Some
 * networks begin to hold a pod a moment after its start: it tries until nothing
 * is reached any more, for `forMs` at most, and tells how long that took.
 *
 * A target must be known to answer the controller: what answers nobody says
 * nothing about the network.
 */
export function probeOrder(
  jobId: string,
  targets: readonly [ProbeTarget, ...ProbeTarget[]],
  forMs = 5_000,
): AttemptOrder {
  return {
    key: { jobId, attempt: 1 },
    tenantId: probeTenant,
    template: 'node',
    source: probeSource,
    args: [String(forMs), ...targets.map(({ host, port }) => `${host} ${port}`)],
    env: [],
    timeoutSeconds: 60,
    cpuMillicores: 250,
    memoryMib: 128,
  };
}

/** What a probe saw. */
export interface ProbeReport extends Pick<ClusterFacts, 'network' | 'networkDelayMs'> {
  /** What must not be so and is, a sentence each. Whoever runs programs there would lie about them. */
  readonly broken: readonly string[];
}

const sight = z.object({
  reached: z.array(z.string()),
  heldAfterMs: z.int().nonnegative(),
  tokenFolder: z.boolean(),
  rootWritable: z.boolean(),
  uid: z.int(),
  capabilities: z.string(),
  noNewPrivileges: z.boolean(),
  seccomp: z.boolean(),
  apiServerNamed: z.boolean(),
});

/**
 * Reads what a probe printed. Undefined if it is no report: then nothing is
 * known, and nothing may be claimed.
 */
export function probeReport(output: string): ProbeReport | undefined {
  const seen = sight.safeParse(jsonOf(output));
  if (!seen.success) return undefined;
  const { reached, heldAfterMs, tokenFolder, rootWritable, uid, capabilities, ...held } = seen.data;
  const broken: readonly (readonly [boolean, string])[] = [
    [tokenFolder, 'There is a folder for tokens of the cluster.'],
    [rootWritable, 'The root of the container can be written to.'],
    [uid === 0, 'The program is root.'],
    [!/^0+$/.test(capabilities), `The program has capabilities (${capabilities}).`],
    [!held.noNewPrivileges, 'The program can gain privileges.'],
    [!held.seccomp, 'System calls are not filtered.'],
    [held.apiServerNamed, 'The program is told where the API server is.'],
  ];
  return {
    network: reached.length === 0 ? 'blocked' : 'open',
    networkDelayMs: heldAfterMs,
    broken: broken.filter(([is]) => is).map(([, says]) => says),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text.trim().split('\n').at(-1) ?? '');
  } catch {
    return undefined;
  }
}
