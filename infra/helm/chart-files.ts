import { z } from 'zod';
import { clusterObjects } from '../../subgraphs/sandbox/providers/kubernetes/manifests/cluster.ts';
import { sandboxClusterSettings } from '../../subgraphs/sandbox/providers/kubernetes/manifests/settings.ts';
import { toYaml } from '../../subgraphs/sandbox/providers/kubernetes/manifests/yaml.ts';

/** Stands for a registry until the chart is rendered: there it is a list. */
const registry = 'registry.chart';

/** Settings in whose place the chart puts its values. */
const placeholders = {
  controllerNamespace: '{{ .Release.Namespace }}',
  priorityClass: '{{ .Values.sandbox.priorityClass }}',
  registries: [registry],
  isolation: {
    tier: 'GVISOR',
    runtimeClass: '{{ .Values.sandbox.isolation.runtimeClass }}',
    userNamespaces: true,
    appArmor: true,
  },
} as const;

/**
 * The files of the chart that are written by a machine, by their paths in it:
 * the roles, policies and priority that `cluster.ts` says, and the form of its
 * values. So what is installed and what Forge counts on cannot drift apart.
 */
export function chartFiles(): ReadonlyMap<string, string> {
  const { clusterRoles, clusterRoleBindings, admission, priorityClass } = clusterObjects({
    ...placeholders,
    registries: [...placeholders.registries],
  });
  const policies = admission.flatMap(({ policy, binding }) => [policy, binding]);
  return new Map([
    ['templates/cluster-access.yaml', documents([...clusterRoles, ...clusterRoleBindings])],
    ['templates/cluster-priority.yaml', documents([priorityClass])],
    ['templates/cluster-admission.yaml', conditional(documents(policies))],
    ['values.schema.json', toJson(valuesSchema())],
  ]);
}

const written = '{{- /* Written by infra/helm/main.ts from cluster.ts. */}}\n';

function documents(objects: readonly object[]): string {
  return written + objects.map((object) => `---\n${toYaml(object)}`).join('');
}

/** Holds each validation where the values ask for it. */
function conditional(yaml: string): string {
  return yaml
    .replaceAll(`c.image.startsWith("${registry}/")`, '{{ include "forge.ofRegistry" . }}')
    .replaceAll(item(/Programs run with the RuntimeClass/), when(hasRuntimeClass))
    .replaceAll(item(/Programs have users of their own/), when(hasOwnUsers));
}

const hasRuntimeClass = '.Values.sandbox.isolation.runtimeClass';
const hasOwnUsers =
  'or (eq .Values.sandbox.isolation.tier "USERNS") .Values.sandbox.isolation.userNamespaces';

/** An item of a list of validations: its expression and its message, a line each. */
function item(message: RegExp): RegExp {
  return new RegExp(`^ +- expression: .*\\n +message: .*${message.source}.*\\n`, 'gm');
}

function when(condition: string): (lines: string) => string {
  return (lines) => `{{- if ${condition} }}\n${lines}{{- end }}\n`;
}

/**
 * The form of the values. What is under `sandbox` is what the controller itself
 * is held to, so that a value it would refuse is refused before it is installed.
 */
function valuesSchema(): object {
  const { $schema, ...sandbox } = z.toJSONSchema(sandboxClusterSettings, {
    io: 'input',
    target: 'draft-7',
  });
  // The chart knows it: it is where it is installed.
  const { controllerNamespace: _known, ...properties } = sandbox.properties ?? {};
  return {
    $schema,
    type: 'object',
    additionalProperties: false,
    required: ['sandbox', 'controller'],
    properties: {
      sandbox: { ...sandbox, properties },
      controller: controllerSchema,
      fairness: objectOf({ enabled: { type: 'boolean' }, seats: whole, queues: whole }),
      global: { type: 'object' },
    },
  };
}

const whole = { type: 'integer', minimum: 1 };
const text = { type: 'string' };
const texts = { type: 'object', additionalProperties: { type: 'string' } };
const objects = { type: 'array', items: { type: 'object' } };
const size = objectOf({ cpu: text, memory: text, 'ephemeral-storage': text });

const controllerSchema = objectOf({
  // Another one tomorrow under the same name would run with the same rights.
  image: { ...text, pattern: '^$|@sha256:[0-9a-f]{64}$' },
  command: { type: 'array', items: text, minItems: 1 },
  replicas: whole,
  existingSecret: text,
  env: texts,
  resources: objectOf({ requests: size, limits: size }),
  nodeSelector: texts,
  tolerations: objects,
  imagePullSecrets: objects,
  egress: objects,
  metricsFrom: objects,
});

function objectOf(properties: Readonly<Record<string, object>>): object {
  return { type: 'object', additionalProperties: false, properties };
}

/** Writes JSON as the formatter does: a list of plain values in one line, if it fits. */
function toJson(value: object): string {
  const lists = /\[\s+([^[\]{}]*?)\s+\]/g;
  const spread = JSON.stringify(value, undefined, 2);
  return `${spread.replace(lists, (_all, items: string) => `[${items.replace(/\s+/g, ' ')}]`)}\n`;
}
