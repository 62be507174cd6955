import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterObjects } from '../../subgraphs/sandbox/providers/kubernetes/manifests/cluster.ts';
import { sandboxClusterSettings } from '../../subgraphs/sandbox/providers/kubernetes/manifests/settings.ts';
import type { SandboxClusterSettingsDraft } from '../../subgraphs/sandbox/providers/kubernetes/manifests/settings.ts';
import { fromYaml } from '../../subgraphs/sandbox/providers/kubernetes/manifests/yaml.ts';
import { chartFiles } from './chart-files.ts';

const chart = join(import.meta.dirname, 'forge');
const read = (path: string): string => readFileSync(join(chart, path), 'utf8');
const templates = readdirSync(join(chart, 'templates'));

interface Values {
  readonly sandbox: SandboxClusterSettingsDraft;
  readonly controller: object;
}
const [values] = fromYaml(read('values.yaml')) as [Values];

/** A template without its comments, of which Helm has nothing left to do. */
function filledIn(path: string): unknown[] {
  const text = read(path)
    .replaceAll(/\{\{- \/[*].*?[*]\/\}\}/g, '')
    .replaceAll('{{ .Release.Namespace }}', 'forge-system')
    .replaceAll('{{ .Values.sandbox.priorityClass }}', 'forge-sandbox');
  expect(text).not.toContain('{{');
  return fromYaml(text);
}

describe('the chart', () => {
  it.each([...chartFiles()])('%s is what the code says', (path, text) => {
    expect(read(path)).toBe(text);
  });

  it('gives the controller exactly the rights that the code counts on', () => {
    const { clusterRoles, clusterRoleBindings } = clusterObjects(sandboxClusterSettings.parse({}));
    expect(filledIn('templates/cluster-access.yaml')).toEqual([
      ...clusterRoles,
      ...clusterRoleBindings,
    ]);
  });

  it('makes the priority that attempts ask for', () => {
    const settings = sandboxClusterSettings.parse({});
    expect(filledIn('templates/cluster-priority.yaml')).toEqual([
      clusterObjects(settings).priorityClass,
    ]);
  });

  it('starts from settings that the controller takes, and that isolate most', () => {
    expect(sandboxClusterSettings.parse(values.sandbox)).toEqual(sandboxClusterSettings.parse({}));
  });

  it('uses no value that values.yaml does not explain', () => {
    const used = templates.flatMap((name) =>
      [...read(join('templates', name)).matchAll(/[.]Values[.]([\w.]+)/g)].map(
        ([, path = '']) => path,
      ),
    );
    const unexplained = used.filter((path) => valueAt(path.split('.')) === undefined);
    expect(used.length).toBeGreaterThan(20);
    expect(unexplained).toEqual([]);
  });

  it('runs the controller as nobody, without rights, and without a way in', () => {
    const text = read('templates/controller.yaml');
    for (const line of [
      'runAsNonRoot: true',
      'readOnlyRootFilesystem: true',
      'allowPrivilegeEscalation: false',
      'capabilities: { drop: [ALL] }',
      'seccompProfile: { type: RuntimeDefault }',
      'enableServiceLinks: false',
    ]) {
      expect(text).toContain(line);
    }
    expect(text).toContain('serviceAccountName: forge-sandbox-{{ $role }}');
    expect(text).toContain('{ name: FORGE_SANDBOX_DUTIES, value: {{ $duty }} }');
    expect(read('templates/network.yaml')).toContain('policyTypes: [Ingress, Egress]');
  });
});

describe('the form of its values', () => {
  const schema = JSON.parse(read('values.schema.json')) as Form;

  it('knows every value that values.yaml has', () => {
    expect(unknownIn(values, schema, '')).toEqual([]);
  });

  it('takes no setting that the controller would refuse as unknown', () => {
    expect(schema.properties?.['sandbox']?.additionalProperties).toBe(false);
    expect(schema.properties?.['sandbox']?.properties).not.toHaveProperty('controllerNamespace');
  });
});

interface Form {
  readonly properties?: Readonly<Record<string, Form>>;
  readonly additionalProperties?: boolean | object;
}

function unknownIn(value: unknown, form: Form | undefined, path: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, item]) => {
    const known = form?.properties?.[name];
    const isFree = typeof form?.additionalProperties === 'object';
    if (known === undefined && !isFree) return [`${path}.${name}`];
    return unknownIn(item, known, `${path}.${name}`);
  });
}

function valueAt(path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (value as Readonly<Record<string, unknown>> | undefined)?.[name],
    values,
  );
}
