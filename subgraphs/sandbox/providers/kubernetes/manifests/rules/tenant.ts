import {
  annotationNames,
  controllerAccount,
  labelNames,
  namespacePrefix,
  runRole,
  sandboxServiceAccount,
  tenantLabel,
} from '../names.ts';
import type { Loose, Namespace } from '../objects.ts';
import { quantity } from './quantity.ts';
import { hasOnly, isSame, rulesFor, unless } from './rule.ts';

/** What all objects in a tenant's namespace say of themselves. */
export function isOurs(
  { apiVersion, metadata }: Loose<Pick<Namespace, 'apiVersion' | 'metadata'>>,
  wanted: { readonly apiVersion: string; readonly name: string },
): Record<string, boolean> {
  return {
    apiVersion: apiVersion === wanted.apiVersion,
    metadata: hasOnly(metadata, ['name', 'namespace', 'labels']),
    'metadata.name': metadata?.name === wanted.name,
    'metadata.namespace': metadata?.namespace?.startsWith(namespacePrefix) === true,
    'metadata.labels': isSame(metadata?.labels, { [labelNames.managedBy]: 'forge' }),
  };
}

const podSecurity = 'pod-security.kubernetes.io';
const modes = ['enforce', 'audit', 'warn'] as const;

export const namespaceRules = rulesFor('Namespace', {
  'namespace-restricted': [
    'A namespace is held to `restricted`. Source: Kubernetes, Pod Security Admission.',
    ({ metadata }) =>
      modes.flatMap((mode) => {
        const label = `${podSecurity}/${mode}`;
        return unless({ [label]: metadata?.labels?.[label] === 'restricted' });
      }),
  ],
  'namespace-pinned': [
    'What `restricted` means does not change with an upgrade.',
    ({ metadata }, { podSecurityVersion }) =>
      modes.flatMap((mode) => {
        const label = `${podSecurity}/${mode}-version`;
        return unless({ [label]: metadata?.labels?.[label] === podSecurityVersion });
      }),
  ],
  'namespace-identity': [
    'Name and labels of a namespace say whose it is, and all the same.',
    (namespace) => {
      const { apiVersion, metadata } = namespace;
      const tenant = tenantLabel(metadata?.annotations?.[annotationNames.tenantId] ?? '');
      const labels = metadata?.labels;
      return unless({
        apiVersion: apiVersion === 'v1',
        'metadata.name': metadata?.name === `${namespacePrefix}${tenant}`,
        'metadata.labels.tenant': labels?.[labelNames.tenant] === tenant,
        'metadata.labels.role': labels?.[labelNames.role] === 'tenant',
        'metadata.labels.managed-by': labels?.[labelNames.managedBy] === 'forge',
        namespace: hasOnly(namespace, ['apiVersion', 'kind', 'metadata']),
        metadata: hasOnly(metadata, ['name', 'labels', 'annotations']),
        'metadata.labels': hasOnly(labels, namespaceLabels),
        'metadata.annotations': hasOnly(metadata?.annotations, [annotationNames.tenantId]),
      });
    },
  ],
  'namespace-region': [
    'A namespace says where its data lies, if the cluster does.',
    ({ metadata }, { region }) =>
      unless({ 'metadata.labels': (metadata?.labels?.[labelNames.region] ?? null) === region }),
  ],
});

const namespaceLabels = [
  ...modes.flatMap((mode) => [mode, `${mode}-version`]).map((name) => `${podSecurity}/${name}`),
  labelNames.managedBy,
  labelNames.role,
  labelNames.tenant,
  labelNames.region,
];

export const quotaRules = rulesFor('ResourceQuota', {
  'quota-bounds': [
    'A tenant takes a bounded share of CPU, memory, disk, pods and objects.',
    (quota) => {
      const hard = quota.spec?.hard ?? {};
      const sizes = resourceNames.map((name) => `limits.${name}`);
      return unless({
        ...isOurs(quota, { apiVersion: 'v1', name: 'forge-tenant' }),
        ...Object.fromEntries(
          [...bounded, ...sizes].map((name) => [name, quantity(hard[name]) > 0]),
        ),
      });
    },
  ],
  'quota-settings': [
    'That share is what the settings say.',
    ({ spec }, { tenantQuota }) => {
      const hard = spec?.hard ?? {};
      const most = quantitiesOf(tenantQuota);
      return unless({
        ...Object.fromEntries(
          resourceNames.map((name) => [name, quantity(hard[`limits.${name}`]) === most[name]]),
        ),
        pods: hard['pods'] === String(tenantQuota.jobs),
        jobs: hard['count/jobs.batch'] === String(tenantQuota.jobs),
        secrets: hard['count/secrets'] === String(tenantQuota.jobs),
        configmaps: hard['count/configmaps'] === '1',
      });
    },
  ],
  'quota-guaranteed': [
    'What is requested is what may be used.',
    ({ spec }) =>
      resourceNames.flatMap((name) => {
        const limit = spec?.hard?.[`limits.${name}`];
        return unless({
          [`requests.${name}`]: limit !== undefined && spec?.hard?.[`requests.${name}`] === limit,
        });
      }),
  ],
  'quota-nothing-else': [
    'A tenant has no claims of volumes and no Services.',
    ({ spec }) =>
      unless({
        ...Object.fromEntries(none.map((name) => [name, spec?.hard?.[name] === '0'])),
        hard: hasOnly(spec?.hard, hardNames),
        spec: hasOnly(spec, ['hard']),
      }),
  ],
});

const none = ['persistentvolumeclaims', 'services', 'services.loadbalancers', 'services.nodeports'];
const resourceNames = ['cpu', 'memory', 'ephemeral-storage'] as const;

const bounded = ['pods', 'count/jobs.batch', 'count/secrets', 'count/configmaps'];
const hardNames = [
  ...none,
  ...bounded,
  ...resourceNames.flatMap((name) => [`requests.${name}`, `limits.${name}`]),
];

export const limitRules = rulesFor('LimitRange', {
  'limits-bounds': [
    'Each container and each pod has a most, in the settings’ bounds.',
    (range, { podMax }) => {
      const most = quantitiesOf(podMax);
      const wrong = ['Container', 'Pod'].flatMap((type) => {
        const item = range.spec?.limits?.find((limit) => limit.type === type);
        return resourceNames.flatMap((name) =>
          unless({ [`${type}.max.${name}`]: quantity(item?.max?.[name]) === most[name] }),
        );
      });
      return [...unless(isOurs(range, { apiVersion: 'v1', name: 'forge-tenant' })), ...wrong];
    },
  ],
  'limits-defaults': [
    'A container that asks for nothing gets little, and something.',
    ({ spec }) => {
      const item = spec?.limits?.find(({ type }) => type === 'Container');
      return resourceNames.flatMap((name) => {
        const least = quantity(item?.min?.[name]);
        const standard = quantity(item?.default?.[name]);
        return unless({
          [`min.${name}`]: least > 0 && least <= standard,
          [`default.${name}`]: standard <= quantity(item?.max?.[name]) / 10,
          [`defaultRequest.${name}`]: quantity(item?.defaultRequest?.[name]) === standard,
        });
      });
    },
  ],
  'limits-nothing-else': [
    'Limits are about CPU, memory and disk of containers and pods.',
    ({ spec }) => {
      const [container, pod, ...others] = spec?.limits ?? [];
      const maps = ['default', 'defaultRequest', 'min', 'max', 'maxLimitRequestRatio'] as const;
      return unless({
        spec: hasOnly(spec, ['limits']) && others.length === 0,
        'limits[0]': container?.type === 'Container' && hasOnly(container, ['type', ...maps]),
        'limits[1]': pod?.type === 'Pod' && hasOnly(pod, ['type', 'max']),
        'limits[].max': hasOnly(pod?.max, resourceNames),
        ...Object.fromEntries(maps.map((map) => [map, hasOnly(container?.[map], resourceNames)])),
      });
    },
  ],
  'limits-guaranteed': [
    'No container may use more than it requests.',
    ({ spec }) => {
      const item = spec?.limits?.find(({ type }) => type === 'Container');
      return resourceNames.flatMap((name) =>
        unless({ [`maxLimitRequestRatio.${name}`]: item?.maxLimitRequestRatio?.[name] === '1' }),
      );
    },
  ],
});

function quantitiesOf(size: {
  readonly cpuMillicores: number;
  readonly memoryMib: number;
  readonly ephemeralMib: number;
}): Record<(typeof resourceNames)[number], number> {
  return {
    cpu: quantity(`${size.cpuMillicores}m`),
    memory: quantity(`${size.memoryMib}Mi`),
    'ephemeral-storage': quantity(`${size.ephemeralMib}Mi`),
  };
}

export const accountRules = rulesFor('ServiceAccount', {
  'account-is-nobody': [
    'The account of programs has no token and no way to an image of its own.',
    (account) =>
      unless({
        ...isOurs(account, { apiVersion: 'v1', name: sandboxServiceAccount }),
        automountServiceAccountToken: account.automountServiceAccountToken === false,
        account: hasOnly(account, [
          'apiVersion',
          'kind',
          'metadata',
          'automountServiceAccountToken',
        ]),
      }),
  ],
});

export const bindingRules = rulesFor('RoleBinding', {
  'binding-controller-alone': [
    'In a tenant’s namespace the controller may run attempts, and nobody may anything else.',
    (binding, { controllerNamespace }) => {
      const { roleRef, subjects } = binding;
      const controller = {
        kind: 'ServiceAccount',
        name: controllerAccount,
        namespace: controllerNamespace,
      };
      return unless({
        ...isOurs(binding, { apiVersion: 'rbac.authorization.k8s.io/v1', name: runRole }),
        roleRef: isSame(roleRef, {
          apiGroup: 'rbac.authorization.k8s.io',
          kind: 'ClusterRole',
          name: runRole,
        }),
        subjects: subjects?.length === 1 && isSame(subjects[0], controller),
        binding: hasOnly(binding, ['apiVersion', 'kind', 'metadata', 'roleRef', 'subjects']),
      });
    },
  ],
});
