import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { clusterObjects } from '../../subgraphs/sandbox/providers/kubernetes/manifests/cluster.ts';
import { sandboxClusterSettings } from '../../subgraphs/sandbox/providers/kubernetes/manifests/settings.ts';
import { fromYaml } from '../../subgraphs/sandbox/providers/kubernetes/manifests/yaml.ts';
import { root } from '../root.ts';

const run = promisify(execFile);
const chart = join(root, 'infra/helm/forge');
const pinned = (name: string): string => `registry.example/${name}@sha256:${'1'.repeat(64)}`;

/** Values that take each way through the templates. */
const examples: Readonly<Record<string, readonly string[]>> = {
  'no values': [],
  'two registries': ['sandbox.registries={one.example/a,two.example:5000/b}'],
  'user namespaces': ['sandbox.isolation.tier=USERNS', 'sandbox.isolation.runtimeClass=null'],
  'Kata with user namespaces': [
    'sandbox.isolation.tier=KATA',
    'sandbox.isolation.runtimeClass=kata',
    'sandbox.isolation.userNamespaces=true',
  ],
  'a controller': [
    `controller.image=${pinned('forge')}`,
    'controller.env.FORGE_ISSUER=https://issuer.example',
    'controller.egress[0].ports[0].port=6443',
    'controller.metricsFrom[0].podSelector.matchLabels.app=prometheus',
    'controller.tolerations[0].key=control',
    'controller.nodeSelector.pool=control',
    'controller.imagePullSecrets[0].name=registry',
    'fairness.enabled=false',
  ],
};

interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: { readonly 'sandbox.json'?: string };
}

/**
 * Renders the chart with Helm itself, and tells what of it is not what
 * `cluster.ts` says for the settings that the controller is given with it.
 */
export async function renderedDifferences(helm: string): Promise<string[]> {
  await run(helm, ['lint', '--strict', '--quiet', chart]);
  const found = Object.entries(examples).map(async ([name, values]) => {
    const objects = await render(helm, values);
    return differences(objects).map((difference) => `with ${name}: ${difference}`);
  });
  return (await Promise.all(found)).flat();
}

async function render(helm: string, values: readonly string[]): Promise<Rendered[]> {
  const set = values.flatMap((value) => ['--set', value]);
  const place = ['--namespace', 'forge-system', '--kube-version', '1.33.0'];
  const { stdout } = await run(helm, ['template', 'forge', chart, ...place, ...set]);
  return fromYaml(stdout) as Rendered[];
}

function differences(objects: readonly Rendered[]): string[] {
  const given = objects.find(({ kind }) => kind === 'ConfigMap')?.data?.['sandbox.json'];
  if (given === undefined) return ['there are no settings'];
  const cluster = clusterObjects(sandboxClusterSettings.parse(JSON.parse(given)));
  const wanted = [
    cluster.priorityClass,
    ...cluster.clusterRoles,
    ...cluster.clusterRoleBindings,
    ...cluster.admission.flatMap(({ policy, binding }) => [policy, binding]),
  ];
  const kinds = new Set(wanted.map(({ kind }) => kind));
  const others = objects.filter(
    ({ kind, metadata: { name } }) =>
      kinds.has(kind) && !wanted.some((one) => one.kind === kind && one.metadata?.name === name),
  );
  const missing = wanted.filter((one) => !objects.some((object) => isDeepStrictEqual(object, one)));
  return [
    ...missing.map(({ kind, metadata }) => `${kind} ${metadata?.name} is missing or another`),
    ...others.map(({ kind, metadata }) => `${kind} ${metadata.name} is of nobody`),
  ];
}
