import { controllerAccount, runRole, tenancyAccount } from '../names.ts';
import type { ClusterRole, Loose, PolicyRule } from '../objects.ts';
import { hasOnly, isExactly, rulesFor, unless } from './rule.ts';

type Grant = Loose<PolicyRule>;

/** The rules of a role that allow any of these verbs on any of these resources. */
function allowing(
  { rules }: Loose<ClusterRole>,
  resources: readonly string[],
  verbs?: readonly string[],
): string[] {
  const isAllowed = (rule: Grant): boolean =>
    resources.some((name) => rule.resources?.includes(name)) &&
    (verbs === undefined || verbs.some((verb) => rule.verbs?.includes(verb)));
  return (rules ?? []).flatMap((rule, n) => (isAllowed(rule) ? [`rules[${n}]`] : []));
}

/** Rules for what Forge's own accounts may do. Source: Kubernetes, RBAC Good Practices. */
export const roleRules = rulesFor('ClusterRole', {
  'role-no-wildcards': [
    'A role names what it allows.',
    ({ rules }) =>
      (rules ?? []).flatMap((rule, n) => {
        const all = [...(rule.verbs ?? []), ...(rule.resources ?? []), ...(rule.apiGroups ?? [])];
        return unless({ [`rules[${n}]`]: !all.some((name) => name.includes('*')) });
      }),
  ],
  'role-no-entry': [
    'No role leads into a program that runs.',
    (role) =>
      allowing(role, [
        'pods/exec',
        'pods/attach',
        'pods/portforward',
        'pods/proxy',
        'pods/ephemeralcontainers',
      ]),
  ],
  'role-no-secrets-read': [
    'No role reads a Secret, not even Forge’s own.',
    (role) =>
      allowing(
        role,
        ['secrets', 'serviceaccounts/token'],
        ['get', 'list', 'watch', 'update', 'patch'],
      ),
  ],
  'role-no-tokens': [
    'No role makes itself a token of another account.',
    (role) => allowing(role, ['serviceaccounts/token']),
  ],
  'role-no-nodes': [
    'No role is about nodes or the volumes of the cluster.',
    (role) => allowing(role, ['nodes', 'nodes/proxy', 'persistentvolumes']),
  ],
  'role-no-pods': [
    'No role makes or changes pods: the Job controller does.',
    (role) => allowing(role, ['pods'], ['create', 'update', 'patch']),
  ],
  'role-no-escalation': [
    'No role gives more than it has, but the one to run attempts.',
    ({ rules }) =>
      (rules ?? []).flatMap((rule, n) => {
        const { verbs = [], resources = [], resourceNames } = rule;
        const isBinding = isExactly(verbs, ['bind']) && isExactly(resourceNames, [runRole]);
        const gives = verbs.some((verb) => ['bind', 'escalate', 'impersonate'].includes(verb));
        const changes = resources.some((name) => /^(cluster)?roles$/.test(name));
        return unless({ [`rules[${n}]`]: isBinding || (!gives && !changes) });
      }),
  ],
  'role-controller-or-tenancy': [
    'What runs attempts cannot loosen what holds them.',
    (role) => {
      const holds = [
        'namespaces',
        'networkpolicies',
        'resourcequotas',
        'limitranges',
        'rolebindings',
      ];
      const runs = allowing(role, ['jobs', 'secrets'], ['create']);
      return runs.length === 0 ? [] : allowing(role, holds);
    },
  ],
});

export const roleBindingRules = rulesFor('ClusterRoleBinding', {
  'cluster-binding-accounts': [
    'Roles of the whole cluster are bound to Forge’s two accounts alone.',
    ({ subjects }, { controllerNamespace }) =>
      unless({
        subjects:
          subjects?.length === 1 &&
          subjects[0]?.kind === 'ServiceAccount' &&
          subjects[0].namespace === controllerNamespace &&
          [controllerAccount, tenancyAccount].includes(subjects[0].name ?? ''),
      }),
  ],
  'cluster-binding-reads': [
    'To run attempts is bound in tenants’ namespaces, never in the whole cluster.',
    ({ roleRef }) => unless({ roleRef: roleRef?.name !== runRole }),
  ],
});

export const priorityRules = rulesFor('PriorityClass', {
  'priority-last': [
    'Programs come last, push nothing off, and still get nodes; nothing else comes last by accident.',
    ({ value = NaN, globalDefault, preemptionPolicy }) =>
      unless({
        value: value < 0 && value >= -10,
        globalDefault: globalDefault === false,
        preemptionPolicy: preemptionPolicy === 'Never',
      }),
  ],
});

export const admissionRules = rulesFor('ValidatingAdmissionPolicy', {
  'admission-fails-closed': [
    'What cannot be judged is turned away.',
    ({ spec }) =>
      unless({
        'spec.failurePolicy': spec?.failurePolicy === 'Fail',
        'spec.validations': (spec?.validations?.length ?? 0) > 0,
        'spec.validations[].message':
          spec?.validations?.every(({ message = '' }) => message.endsWith('.')) === true,
      }),
  ],
});

export const admissionBindingRules = rulesFor('ValidatingAdmissionPolicyBinding', {
  'admission-denies': [
    'What a policy says is held, not only told.',
    ({ metadata, spec }) =>
      unless({
        'spec.policyName': spec?.policyName === metadata?.name && metadata?.name !== undefined,
        'spec.validationActions': isExactly(spec?.validationActions, ['Deny', 'Audit']),
        spec: hasOnly(spec, ['policyName', 'validationActions', 'matchResources']),
      }),
  ],
});
