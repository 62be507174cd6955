import { isIP } from 'node:net';
import { labelNames } from '../names.ts';
import type { Loose, NetworkPolicy, NetworkPolicyPeer } from '../objects.ts';
import type { Place, SandboxClusterSettings } from '../settings.ts';
import { hasOnly, isExactly, isSame, rulesFor, unless } from './rule.ts';
import { isOurs } from './tenant.ts';

const denyAll = 'forge-deny-all';

/** Rules for what gets in and out. Source: Kubernetes, Network Policies. */
export const networkRules = rulesFor('NetworkPolicy', {
  'network-identity': [
    'A policy lies in a tenant’s namespace and is one of those that Forge makes.',
    (policy) => {
      const name = policy.metadata?.name ?? '';
      return unless({
        ...isOurs(policy, { apiVersion: 'networking.k8s.io/v1', name }),
        'metadata.name': [denyAll, ...Object.keys(places)].includes(name),
        spec: hasOnly(policy.spec, ['podSelector', 'policyTypes', 'ingress', 'egress']),
      });
    },
  ],
  'network-denies-all': [
    'What is not allowed by another policy gets neither in nor out, whichever pod it is.',
    ({ metadata, spec }) => {
      if (metadata?.name !== denyAll) return [];
      return unless({
        'spec.podSelector': spec?.podSelector !== undefined && hasOnly(spec.podSelector, []),
        'spec.policyTypes': isExactly(spec?.policyTypes, ['Ingress', 'Egress']),
        'spec.egress': spec?.egress === undefined,
      });
    },
  ],
  'network-nothing-comes-in': [
    'No policy lets anything in.',
    ({ metadata, spec }) =>
      unless({
        'spec.ingress': spec?.ingress === undefined,
        'spec.policyTypes': metadata?.name === denyAll || isExactly(spec?.policyTypes, ['Egress']),
      }),
  ],
  'network-one-place': [
    'A policy opens one port of one place that the settings name.',
    (policy, settings) => {
      const place = placeOf(policy, settings);
      if (policy.metadata?.name === denyAll) return [];
      const [rule] = policy.spec?.egress ?? [];
      const [port] = rule?.ports ?? [];
      return unless({
        'spec.egress': policy.spec?.egress?.length === 1 && hasOnly(rule, ['to', 'ports']),
        'spec.egress[0].ports':
          rule?.ports?.length === 1 &&
          port?.protocol === 'TCP' &&
          port.port === place?.port &&
          hasOnly(port, ['protocol', 'port']),
        'spec.egress[0].to': rule?.to?.length === 1 && isPlace(rule.to[0], place),
      });
    },
  ],
  'network-no-range': [
    'No policy opens a range of addresses, nor those at which clouds tell credentials.',
    ({ spec }) =>
      (spec?.egress ?? [])
        .flatMap(({ to }) => to ?? [])
        .flatMap(({ ipBlock }) => {
          if (ipBlock === undefined) return [];
          const [address = '', bits] = ipBlock.cidr?.split('/') ?? [];
          const isOne = bits === (isIP(address) === 6 ? '128' : '32');
          const isHarmless = isIP(address) !== 0 && !/^(169[.]254|fe80|fd00:ec2)/i.test(address);
          return unless({ ipBlock: isOne && isHarmless });
        }),
  ],
  'network-granted-alone': [
    'The gate is open to attempts, the proxy to those that are granted it.',
    ({ metadata, spec }) => {
      const name = metadata?.name ?? '';
      if (name === denyAll) return [];
      const granted = name === 'forge-allow-gate' ? {} : { [labelNames.egress]: 'proxy' };
      const wanted = { [labelNames.role]: 'attempt', ...granted };
      return unless({
        'spec.podSelector': isSame(spec?.podSelector?.matchLabels, wanted),
        'spec.podSelector.matchExpressions': hasOnly(spec?.podSelector, ['matchLabels']),
      });
    },
  ],
});

const places: Readonly<Record<string, 'gate' | 'egressProxy'>> = {
  'forge-allow-gate': 'gate',
  'forge-allow-egress-proxy': 'egressProxy',
};

function placeOf(
  { metadata }: Loose<NetworkPolicy>,
  settings: SandboxClusterSettings,
): Place | null | undefined {
  const name = places[metadata?.name ?? ''];
  return name === undefined ? undefined : settings[name];
}

function isPlace(
  peer: Loose<NetworkPolicyPeer> | undefined,
  place: Place | null | undefined,
): boolean {
  if (!peer || !place) return false;
  if (place.pods === null) {
    const isPlain = hasOnly(peer, ['ipBlock']) && hasOnly(peer.ipBlock, ['cidr']);
    return isPlain && peer.ipBlock?.cidr?.split('/')[0] === place.address;
  }
  const namespace = { 'kubernetes.io/metadata.name': place.pods.namespace };
  return (
    hasOnly(peer, ['namespaceSelector', 'podSelector']) &&
    hasOnly(peer.namespaceSelector, ['matchLabels']) &&
    hasOnly(peer.podSelector, ['matchLabels']) &&
    isSame(peer.namespaceSelector?.matchLabels, namespace) &&
    isSame(peer.podSelector?.matchLabels, place.pods.labels)
  );
}
