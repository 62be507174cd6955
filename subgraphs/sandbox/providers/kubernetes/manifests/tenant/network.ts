import { isIPv6 } from 'node:net';
import { labelNames } from '../names.ts';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicySpec } from '../objects.ts';
import type { Place, SandboxClusterSettings } from '../settings.ts';

/**
 * Nothing comes in and nothing goes out, but to the places that are named: the
 * artifact gate for every attempt, the egress proxy for those that are granted
 * one. No rule opens a range of addresses, so none needs to except the cluster's
 * own or those at which clouds tell credentials.
 *
 * Holds where the cluster's network enforces NetworkPolicy. Some do so a moment
 * after a pod has started: a probe must have seen it before a tenant is served.
 */
export function networkPolicies(
  namespace: string,
  { gate, egressProxy }: SandboxClusterSettings,
): NetworkPolicy[] {
  const policies: [string, NetworkPolicySpec][] = [
    ['forge-deny-all', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }],
  ];
  if (gate) policies.push(['forge-allow-gate', allow({ [labelNames.role]: 'attempt' }, gate)]);
  if (egressProxy) {
    const granted = { [labelNames.role]: 'attempt', [labelNames.egress]: 'proxy' };
    policies.push(['forge-allow-egress-proxy', allow(granted, egressProxy)]);
  }
  return policies.map(([name, spec]) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace, labels: { [labelNames.managedBy]: 'forge' } },
    spec,
  }));
}

function allow(matchLabels: Record<string, string>, place: Place): NetworkPolicySpec {
  return {
    podSelector: { matchLabels },
    policyTypes: ['Egress'],
    egress: [{ to: [peerOf(place)], ports: [{ protocol: 'TCP', port: place.port }] }],
  };
}

/** The pods behind a Service, not its address: policies are held after that is translated. */
function peerOf({ pods, address }: Place): NetworkPolicyPeer {
  if (pods === null) return { ipBlock: { cidr: `${address}/${isIPv6(address) ? 128 : 32}` } };
  return {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': pods.namespace } },
    podSelector: { matchLabels: { ...pods.labels } },
  };
}
