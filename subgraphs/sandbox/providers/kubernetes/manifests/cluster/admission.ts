import { controllerAccount, labelNames, namespacePrefix, tenancyAccount } from '../names.ts';
import type { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from '../objects.ts';
import type { SandboxClusterSettings } from '../settings.ts';
import { tenancyLabel } from '../tenant.ts';
import { podValidations } from './pod-validations.ts';
import type { Validation } from './pod-validations.ts';

/** A policy, and where it is held. */
export interface Admission {
  readonly policy: ValidatingAdmissionPolicy;
  readonly binding: ValidatingAdmissionPolicyBinding;
}

type Settings = Pick<SandboxClusterSettings, 'isolation' | 'registries' | 'controllerNamespace'>;
type Spec = NonNullable<ValidatingAdmissionPolicy['spec']>;

/**
 * What the API server itself turns away in tenants' namespaces, whoever asks:
 * it holds for Forge's own mistakes, for a stolen credential and for people.
 * Source: Kubernetes, Validating Admission Policy.
 */
export function admissionPolicies(settings: Settings): Admission[] {
  const accounts = accountsOf(settings);
  const jobs = ofWhatIsNew(podValidations('object.spec.template.spec', settings));
  const pods = ofWhatIsNew(podValidations('object.spec', settings));
  return [
    tenantPolicy(
      'forge-sandbox-jobs',
      { apiGroups: ['batch'], resources: ['jobs'], operations: ['CREATE', 'UPDATE'] },
      { variables, validations: [madeBy(accounts.jobMakers, 'Jobs'), ...jobs] },
    ),
    tenantPolicy(
      'forge-sandbox-pods',
      { apiGroups: [''], resources: ['pods'], operations: ['CREATE', 'UPDATE'] },
      { variables, validations: [madeBy(accounts.podMakers, 'Pods'), labelsStay, ...pods] },
    ),
    tenantPolicy(
      'forge-sandbox-entry',
      { apiGroups: [''], resources: entries, operations: ['CONNECT', 'UPDATE'] },
      { validations: [{ expression: 'false', message: 'Nobody gets into a program that runs.' }] },
    ),
    scopePolicy(accounts.tenancy),
  ];
}

/**
 * What was let in under other settings must be able to end: the Job controller
 * changes its metadata then, and would be turned away.
 */
const variables = [
  {
    name: 'stays',
    expression: "request.operation == 'UPDATE' && object.spec == oldObject.spec",
  },
];

function ofWhatIsNew(validations: readonly Validation[]): Validation[] {
  return validations.map(({ expression, message }) => ({
    expression: `variables.stays || (${expression})`,
    message,
  }));
}

const entries = [
  'pods/exec',
  'pods/attach',
  'pods/portforward',
  'pods/proxy',
  'pods/ephemeralcontainers',
];

function accountsOf({ controllerNamespace }: Settings): {
  readonly jobMakers: string[];
  readonly podMakers: string[];
  readonly tenancy: string;
} {
  const account = (namespace: string, name: string): string =>
    `system:serviceaccount:${namespace}:${name}`;
  return {
    jobMakers: [account(controllerNamespace, controllerAccount)],
    // The Job controller runs under one name or the other, as the cluster was set up.
    podMakers: [account('kube-system', 'job-controller'), 'system:kube-controller-manager'],
    tenancy: account(controllerNamespace, tenancyAccount),
  };
}

/** Selectors of Forge and of network policies read these labels: who sets them says what may reach what. */
function madeBy(accounts: readonly string[], what: string): Validation {
  return {
    expression: `request.operation != 'CREATE' || request.userInfo.username in ${listOf(accounts)}`,
    message: `${what} of a tenant are made by Forge alone.`,
  };
}

const labelsStay: Validation = {
  expression:
    "request.operation != 'UPDATE' || (has(object.metadata.labels) && " +
    'has(oldObject.metadata.labels) && oldObject.metadata.labels.all(name, ' +
    "!name.startsWith('forge.dev/') || (name in object.metadata.labels && " +
    'object.metadata.labels[name] == oldObject.metadata.labels[name])) && ' +
    "object.metadata.labels.all(name, !name.startsWith('forge.dev/') || " +
    'name in oldObject.metadata.labels))',
  message: 'The labels of an attempt stay as they were made.',
};

function tenantPolicy(
  name: string,
  rule: {
    readonly apiGroups: string[];
    readonly resources: string[];
    readonly operations: string[];
  },
  says: Pick<Spec, 'variables' | 'validations'>,
): Admission {
  const namespaceSelector = { matchLabels: { ...tenancyLabel } };
  const resourceRules = [{ ...rule, apiVersions: ['v1'] }];
  return admission(
    name,
    { failurePolicy: 'Fail', matchConstraints: { namespaceSelector, resourceRules }, ...says },
    { namespaceSelector },
  );
}

/** The account that makes tenants makes nothing else, and makes them as they must be. */
function scopePolicy(username: string): Admission {
  const isNamespace = "request.resource.resource == 'namespaces'";
  const inTenant = (field: string): string =>
    `(has(request.${field}) && request.${field}.startsWith('${namespacePrefix}'))`;
  const labelIs = (name: string, value: string): string =>
    `'${name}' in object.metadata.labels && object.metadata.labels['${name}'] == '${value}'`;
  return admission(
    'forge-sandbox-tenancy',
    {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: ['*'],
            apiVersions: ['*'],
            operations: ['CREATE', 'UPDATE', 'DELETE'],
            resources: ['*/*'],
          },
        ],
      },
      matchConditions: [
        { name: 'tenancy', expression: `request.userInfo.username == '${username}'` },
      ],
      validations: [
        {
          expression: `${inTenant('namespace')} || (${isNamespace} && ${inTenant('name')})`,
          message: `The account for tenants changes nothing outside of ${namespacePrefix}*.`,
        },
        {
          expression:
            `!(${isNamespace}) || request.operation == 'DELETE' || ` +
            `(has(object.metadata.labels) && ${labelIs(labelNames.role, tenancyLabel[labelNames.role])} && ` +
            `${labelIs('pod-security.kubernetes.io/enforce', 'restricted')})`,
          message: 'A namespace of a tenant is restricted, and stays so.',
        },
      ],
    },
    undefined,
  );
}

function admission(
  name: string,
  spec: Spec,
  matchResources: { namespaceSelector: { matchLabels: Record<string, string> } } | undefined,
): Admission {
  const labels = { [labelNames.managedBy]: 'forge' };
  const apiVersion = 'admissionregistration.k8s.io/v1';
  return {
    policy: { apiVersion, kind: 'ValidatingAdmissionPolicy', metadata: { name, labels }, spec },
    binding: {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name, labels },
      spec: {
        policyName: name,
        validationActions: ['Deny', 'Audit'],
        ...(matchResources ? { matchResources } : {}),
      },
    },
  };
}

function listOf(texts: readonly string[]): string {
  return `[${texts.map((text) => `'${text}'`).join(', ')}]`;
}
