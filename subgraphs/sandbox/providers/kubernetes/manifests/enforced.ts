import type { SandboxClusterSettings } from './settings.ts';

/** What was seen of a cluster. What was not looked at is undefined, and is not claimed. */
export interface ClusterFacts {
  /** Whether a probe in a tenant's namespace reached what it must not. */
  readonly network?: 'blocked' | 'open' | undefined;
  /** How long after its start the probe was held. */
  readonly networkDelayMs?: number | undefined;
  /** Whether the admission policies and their bindings are there. */
  readonly admission?: 'installed' | 'missing' | undefined;
  /** The most processes of a pod, as the nodes of the pool were set up. */
  readonly podPidsLimit?: number | undefined;
  /** Whether nothing but programs runs on the cluster. */
  readonly dedicated?: boolean | undefined;
}

/** What holds for an attempt, and what holds less than it could. */
export interface Enforced {
  readonly enforced: readonly string[];
  /** Each with what would change it. */
  readonly weaker: readonly string[];
}

/**
 * Tells what holds programs on a cluster, a sentence each: only what the
 * manifest asks for and the API server or the node enforces, or what a probe
 * has seen. What nobody has looked at is told as weaker.
 */
export function enforced(settings: SandboxClusterSettings, facts: ClusterFacts): Enforced {
  const sentences = [
    ...kernelSentences(settings),
    ...networkSentences(settings, facts),
    ...processSentences(settings, facts),
    ...clusterSentences(facts),
  ];
  return {
    enforced: [...always(settings), ...sentences.filter(({ holds }) => holds).map(text)],
    weaker: sentences.filter(({ holds }) => !holds).map(text),
  };
}

interface Sentence {
  readonly holds: boolean;
  readonly text: string;
}

function text(sentence: Sentence): string {
  return sentence.text;
}

/** What the manifest of every attempt says, and any conformant cluster does. */
function always({ podSecurityVersion }: SandboxClusterSettings): string[] {
  return [
    `Pod Security "restricted" (${podSecurityVersion}): no root, no capabilities, no privileges, filtered system calls.`,
    'The root of each container is read-only; each writable folder has a limit.',
    'CPU, memory and disk are reserved and capped for each program.',
    'No token of the cluster, no DNS, no names of other Services.',
    'Each tenant has a namespace of its own, with a quota.',
    'Images are pinned by their digest and come from known registries.',
  ];
}

function kernelSentences({ isolation }: SandboxClusterSettings): Sentence[] {
  const { tier, runtimeClass, userNamespaces, appArmor } = isolation;
  const boundary: Record<typeof tier, Sentence> = {
    GVISOR: {
      holds: true,
      text: `Programs talk to gVisor (RuntimeClass ${runtimeClass ?? ''}), not to the kernel.`,
    },
    KATA: {
      holds: true,
      text: `Each program has a virtual machine of its own (RuntimeClass ${runtimeClass ?? ''}).`,
    },
    USERNS: {
      holds: false,
      text: 'Programs share the kernel of their node, through a filter: gVisor or Kata would part them.',
    },
  };
  const users = tier === 'USERNS' || userNamespaces;
  return [
    boundary[tier],
    ...(users
      ? [{ holds: true, text: 'Users inside are nobody on the node (user namespaces).' }]
      : []),
    appArmor
      ? { holds: true, text: 'AppArmor: the profile of the container runtime.' }
      : {
          holds: false,
          text: 'AppArmor is not asked for: a pool whose nodes have it would add it.',
        },
  ];
}

function networkSentences(
  { gate, egressProxy }: SandboxClusterSettings,
  { network, networkDelayMs = 0 }: ClusterFacts,
): Sentence[] {
  const places = [gate && 'the artifact gate', egressProxy && 'the egress proxy, if granted'];
  const open = places.filter((place) => place !== null).join(' and ');
  const but = open === '' ? '' : `, but to ${open}`;
  switch (network) {
    case 'blocked':
      return [
        { holds: true, text: `Nothing gets in or out${but}: a probe was blocked.` },
        ...(networkDelayMs === 0 ? [] : [late(networkDelayMs)]),
      ];
    case 'open':
      return [
        {
          holds: false,
          text: 'The network of this cluster does not enforce NetworkPolicy: a probe got out. One that does would keep programs in.',
        },
      ];
    case undefined:
      return [
        {
          holds: false,
          text: `NetworkPolicy lets nothing in or out${but}, but no probe has seen this cluster enforce it.`,
        },
      ];
  }
}

function late(delayMs: number): Sentence {
  const told = `The network began to hold a probe ${delayMs} ms after its start`;
  return { holds: false, text: `${told}: one that holds pods before they start would hold all.` };
}

function processSentences(
  { wrapper }: SandboxClusterSettings,
  { podPidsLimit }: ClusterFacts,
): Sentence[] {
  if (podPidsLimit !== undefined) {
    return [
      {
        holds: true,
        text: `At most ${podPidsLimit} processes in a pod (podPidsLimit of the nodes).`,
      },
    ];
  }
  const byWrapper =
    'The number of processes is limited from inside the pod alone: podPidsLimit of the nodes would hold it from outside.';
  const byNobody =
    'The number of processes is not known to be limited: podPidsLimit of the nodes would limit it.';
  return [{ holds: false, text: wrapper === null ? byNobody : byWrapper }];
}

function clusterSentences({ admission, dedicated }: ClusterFacts): Sentence[] {
  return [
    admission === 'installed'
      ? {
          holds: true,
          text: 'The API server turns away what isolates less, whoever asks (ValidatingAdmissionPolicy).',
        }
      : {
          holds: false,
          text: 'The admission policies were not found: infra/helm/forge installs them.',
        },
    dedicated === true
      ? { holds: true, text: 'Nothing else runs on this cluster.' }
      : {
          holds: false,
          text: 'The cluster is not known to be for programs alone: Forge sees all its pods, since roles cannot be bound to labels.',
        },
  ];
}
