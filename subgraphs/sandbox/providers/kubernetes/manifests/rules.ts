import type { Loose } from './objects.ts';
import {
  admissionBindingRules,
  admissionRules,
  priorityRules,
  roleBindingRules,
  roleRules,
} from './rules/access.ts';
import { containerRules } from './rules/container.ts';
import { jobRules } from './rules/job.ts';
import { networkRules } from './rules/network.ts';
import { podRules } from './rules/pod.ts';
import { isExactly, unless } from './rules/rule.ts';
import type { Kinds, Rule } from './rules/rule.ts';
import { secretRules } from './rules/secret.ts';
import {
  accountRules,
  bindingRules,
  limitRules,
  namespaceRules,
  quotaRules,
} from './rules/tenant.ts';
import { volumeRules } from './rules/volume.ts';
import type { SandboxClusterSettings } from './settings.ts';
import type { TenantObjects } from './tenant.ts';

/** Something of an object that is not as it must be. */
export interface Violation {
  readonly rule: string;
  readonly says: string;
  readonly field: string;
}

/**
 * Every rule there is, by the kind it speaks of.
 *
 * They are written by hand from the profile and know nothing of how objects are
 * made: what makes them is tested by changing each field that it sets and
 * seeing a rule broken.
 */
export const rules: { readonly [Kind in keyof Kinds]: readonly Rule<Kind>[] } = {
  Job: [...jobRules, ...podRules, ...containerRules, ...volumeRules],
  Secret: secretRules,
  Namespace: namespaceRules,
  NetworkPolicy: networkRules,
  ResourceQuota: quotaRules,
  LimitRange: limitRules,
  ServiceAccount: accountRules,
  RoleBinding: bindingRules,
  ClusterRole: roleRules,
  ClusterRoleBinding: roleBindingRules,
  PriorityClass: priorityRules,
  ValidatingAdmissionPolicy: admissionRules,
  ValidatingAdmissionPolicyBinding: admissionBindingRules,
};

/** Finds everything that is wrong with an object, whoever made it. */
export function violations<Kind extends keyof Kinds>(
  kind: Kind,
  object: Loose<Kinds[Kind]>,
  settings: SandboxClusterSettings,
): Violation[] {
  return rules[kind].flatMap(({ name, says, broken }) =>
    broken(object, settings).map((field) => ({ rule: name, says, field })),
  );
}

/** Finds everything that is wrong with what a tenant has, and with what it lacks. */
export function tenantViolations(
  objects: TenantObjects,
  settings: SandboxClusterSettings,
): Violation[] {
  const { namespace, networkPolicies, resourceQuota, limitRange } = objects;
  const { gate, egressProxy } = settings;
  const wanted = [
    'forge-deny-all',
    ...(gate ? ['forge-allow-gate'] : []),
    ...(egressProxy ? ['forge-allow-egress-proxy'] : []),
  ];
  const names = networkPolicies.map(({ metadata }) => metadata?.name);
  const inside = [
    ...networkPolicies,
    resourceQuota,
    limitRange,
    objects.serviceAccount,
    objects.roleBinding,
  ];
  const apart = inside.filter(({ metadata }) => metadata?.namespace !== namespace.metadata?.name);
  const whole = unless({
    networkPolicies: isExactly(names, wanted),
    ...Object.fromEntries(apart.map(({ kind, metadata }) => [`${kind} ${metadata?.name}`, false])),
  });
  return [
    ...violations('Namespace', namespace, settings),
    ...networkPolicies.flatMap((policy) => violations('NetworkPolicy', policy, settings)),
    ...violations('ResourceQuota', resourceQuota, settings),
    ...violations('LimitRange', limitRange, settings),
    ...violations('ServiceAccount', objects.serviceAccount, settings),
    ...violations('RoleBinding', objects.roleBinding, settings),
    ...whole.map((field) => ({ rule: 'tenant-whole', says: tenantWhole, field })),
  ];
}

const tenantWhole = 'A tenant has every object in its own namespace, the denial of all first.';
