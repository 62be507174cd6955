import type { Container, HostAlias, PodSpec } from '../objects.ts';
import { sandboxServiceAccount } from '../names.ts';
import type { Place, SandboxClusterSettings } from '../settings.ts';
import { collectorContainer, mainContainer, podSecurity } from './containers.ts';
import type { AttemptOrder } from './order.ts';
import { volumesOf } from './resources.ts';

/**
 * The pod of an attempt: one program that knows nobody and that nobody knows.
 * `deadlineSeconds` is kept by the kubelet, whatever becomes of the control plane.
 */
export function attemptPod(
  order: AttemptOrder,
  template: { readonly image: string; readonly interpreter: string },
  deadlineSeconds: number,
  settings: SandboxClusterSettings,
): PodSpec {
  const proxy = order.egress === 'proxy' ? settings.egressProxy : null;
  const collector = collectorOf(order, settings);
  return {
    restartPolicy: 'Never',
    activeDeadlineSeconds: deadlineSeconds,
    terminationGracePeriodSeconds: settings.graceSeconds,
    ...scheduling(settings),
    ...separation(settings),
    ...names([collector && settings.gate, proxy]),
    securityContext: podSecurity(),
    ...(collector ? { initContainers: [collector] } : {}),
    containers: [mainContainer(order, template, proxy, settings)],
    volumes: volumesOf(order, settings),
  };
}

function collectorOf(order: AttemptOrder, settings: SandboxClusterSettings): Container | undefined {
  const { collector, gate } = settings;
  if (collector === null || gate === null || order.uploadToken === undefined) return undefined;
  return collectorContainer(order, collector, gate, settings);
}

/** Runs on nodes of its own, and never pushes another pod off. */
function scheduling({ pool, priorityClass }: SandboxClusterSettings): Partial<PodSpec> {
  return {
    nodeSelector: { ...pool.nodeSelector },
    tolerations: pool.tolerations.map((taint) => ({ ...taint, operator: 'Equal' })),
    priorityClassName: priorityClass,
    preemptionPolicy: 'Never',
  };
}

/** What of the node, of the cluster and of other containers is not shared. */
function separation({ isolation }: SandboxClusterSettings): Partial<PodSpec> {
  const { tier, runtimeClass, userNamespaces } = isolation;
  return {
    ...(runtimeClass === null ? {} : { runtimeClassName: runtimeClass }),
    ...(tier === 'USERNS' || userNamespaces ? { hostUsers: false } : {}),
    serviceAccountName: sandboxServiceAccount,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    hostNetwork: false,
    hostPID: false,
    hostIPC: false,
    shareProcessNamespace: false,
    setHostnameAsFQDN: false,
  };
}

/** No DNS: it is a way out. The places that may be reached stand in the hosts file. */
function names(places: readonly (Place | null | undefined)[]): Partial<PodSpec> {
  const hostAliases = places.flatMap((place): HostAlias[] =>
    place ? [{ ip: place.address, hostnames: [place.host] }] : [],
  );
  return {
    hostname: 'sandbox',
    dnsPolicy: 'None',
    dnsConfig: { nameservers: ['127.0.0.1'], options: [{ name: 'ndots', value: '1' }] },
    ...(hostAliases.length > 0 ? { hostAliases } : {}),
  };
}
