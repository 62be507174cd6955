import { describe, expect, it } from '@jest/globals';
import { clusterObjects } from './cluster.ts';
import { full, order, plain, userns } from './fixtures/samples.ts';
import type { PolicyRule } from './objects.ts';
import { tenantObjects } from './tenant.ts';

const { clusterRoles, clusterRoleBindings, admission, priorityClass } = clusterObjects(full);

describe('the roles', () => {
  it('let the controller do what an attempt needs, and in no namespace but a tenant’s', () => {
    const everywhere = grantsOf('forge-sandbox-watch');
    expect(everywhere.every((grant) => /^(get|list|watch) /.test(grant))).toBe(true);
    expect(grantsOf('forge-sandbox-run')).toEqual([
      'create jobs',
      'delete jobs',
      'patch jobs',
      'delete pods',
      'get pods/log',
      'create secrets',
      'delete secrets',
    ]);
    expect(clusterRoleBindings.map(({ roleRef }) => roleRef.name)).not.toContain(
      'forge-sandbox-run',
    );
    const { roleBinding } = tenantObjects(order.tenantId, full);
    expect(roleBinding.roleRef.name).toBe('forge-sandbox-run');
  });

  it('are of two accounts: what talks to programs cannot loosen what holds them', () => {
    const accounts = clusterRoleBindings.map(({ subjects }) => subjects?.[0]?.name);
    expect(accounts).toEqual(['forge-sandbox-controller', 'forge-sandbox-tenancy']);
    expect(grantsOf('forge-sandbox-tenancy').join(' ')).not.toMatch(/jobs|pods|secrets/);
  });
});

describe('the admission policies', () => {
  const expressions = (settings: typeof full): string =>
    clusterObjects(settings)
      .admission.flatMap(({ policy }) => policy.spec?.validations ?? [])
      .map(({ expression }) => expression)
      .join('\n');

  it('are held where tenants are, each by its binding', () => {
    expect(admission.map(({ binding }) => binding.spec.policyName)).toEqual(
      admission.map(({ policy }) => policy.metadata?.name),
    );
    const { namespace } = tenantObjects(order.tenantId, full);
    for (const { policy } of admission.slice(0, 3)) {
      const selector = policy.spec?.matchConstraints?.namespaceSelector?.matchLabels ?? {};
      expect(namespace.metadata?.labels).toMatchObject(selector);
      expect(Object.keys(selector)).not.toEqual([]);
    }
  });

  it('hold the tier that the settings name', () => {
    expect(expressions(plain)).toContain("runtimeClassName == 'gvisor'");
    expect(expressions(plain)).not.toContain('hostUsers');
    expect(expressions(userns)).toContain('!object.spec.hostUsers');
    expect(expressions(userns)).not.toContain('runtimeClassName');
  });

  it('let what runs under older settings end: its metadata may change, its spec may not', () => {
    const [jobs, pods] = admission.map(({ policy }) => policy.spec);
    for (const spec of [jobs, pods]) {
      expect(spec?.variables).toEqual([
        {
          name: 'stays',
          expression: "request.operation == 'UPDATE' && object.spec == oldObject.spec",
        },
      ]);
      const images = spec?.validations?.find(({ message }) => message?.startsWith('Images'));
      expect(images?.expression).toMatch(/^variables[.]stays [|][|] [(].*[)]$/);
    }
  });

  it('take no image where no registry is known', () => {
    expect(expressions({ ...plain, registries: [] })).toContain('&& (false)');
  });

  it('shut every way into a program that runs', () => {
    const entry = admission.find(({ policy }) => policy.metadata?.name === 'forge-sandbox-entry');
    expect(entry?.policy.spec?.matchConstraints?.resourceRules?.[0]?.resources).toEqual([
      'pods/exec',
      'pods/attach',
      'pods/portforward',
      'pods/proxy',
      'pods/ephemeralcontainers',
    ]);
    expect(entry?.policy.spec?.validations?.map(({ expression }) => expression)).toEqual(['false']);
  });
});

it('programs come after everything that has no priority of its own', () => {
  expect(priorityClass.value).toBeLessThan(0);
  expect(priorityClass.metadata?.name).toBe(full.priorityClass);
});

function grantsOf(name: string): string[] {
  const role = clusterRoles.find(({ metadata }) => metadata?.name === name);
  return (role?.rules ?? []).flatMap(({ resources, verbs }: PolicyRule) =>
    (resources ?? []).flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
  );
}
