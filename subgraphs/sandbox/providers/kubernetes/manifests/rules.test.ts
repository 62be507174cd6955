import { describe, expect, it } from '@jest/globals';
import { clusterObjects } from './cluster.ts';
import { broken, changed } from './fixtures/broken.ts';
import { everyObject } from './fixtures/everything.ts';
import { full, objectsOf, richOrder, plain } from './fixtures/samples.ts';
import type { Loose } from './objects.ts';
import { rules, tenantViolations, violations } from './rules.ts';
import { isExactly } from './rules/rule.ts';
import type { Kinds } from './rules/rule.ts';
import { quantity } from './rules/quantity.ts';
import { tenantObjects } from './tenant.ts';

const all = Object.values(rules).flat();

/** One sound object of each kind. */
const { job, secret } = objectsOf(richOrder, full);
const sound = new Map(
  [job, secret, ...oneOfEachOther()].map((object) => [object.kind ?? '', object] as const),
);

describe('each rule', () => {
  it.each(all.map(({ name }) => name))('%s is broken by its own example', (name) => {
    const [kind, ...changes] = broken[name] ?? ['Job' as const];
    const whole = sound.get(kind) as Loose<Kinds[typeof kind]>;
    expect(violations(kind, whole, full)).toEqual([]);
    const object = changed(whole, changes);
    expect(violations(kind, object, full).map(({ rule }) => rule)).toContain(name);
  });

  it('has an example, and every example a rule', () => {
    expect(Object.keys(broken).sort()).toEqual(all.map(({ name }) => name).sort());
  });

  it('says in one sentence what must be true', () => {
    expect(all.filter(({ says }) => !/^[A-Z/].+[.]$/.test(says))).toEqual([]);
  });

  it('trusts nothing of what it looks at', () => {
    for (const kind of Object.keys(rules) as (keyof Kinds)[]) {
      expect(() => violations(kind, {}, full)).not.toThrow();
    }
  });
});

describe('what a tenant has', () => {
  const objects = tenantObjects('acme', full);

  it('is whole: without the denial of all, whatever else is there does not count', () => {
    const open = { ...objects, networkPolicies: objects.networkPolicies.slice(1) };
    expect(tenantViolations(open, full).map(({ rule }) => rule)).toEqual(['tenant-whole']);
  });

  it('lies in one namespace', () => {
    const { roleBinding } = tenantObjects('globex', full);
    expect(tenantViolations({ ...objects, roleBinding }, full)).toMatchObject([
      { rule: 'tenant-whole', field: 'RoleBinding forge-sandbox-run' },
    ]);
  });
});

it('no rule is broken by anything that is made, with the settings it is made for', () => {
  const { admission, clusterRoles, clusterRoleBindings, priorityClass } = clusterObjects(plain);
  expect([
    ...clusterRoles.flatMap((role) => violations('ClusterRole', role, plain)),
    ...clusterRoleBindings.flatMap((one) => violations('ClusterRoleBinding', one, plain)),
    ...violations('PriorityClass', priorityClass, plain),
    ...admission.flatMap(({ policy, binding }) => [
      ...violations('ValidatingAdmissionPolicy', policy, plain),
      ...violations('ValidatingAdmissionPolicyBinding', binding, plain),
    ]),
  ]).toEqual([]);
  expect(
    isExactly(Object.keys(rules), [...new Set(everyObject().map(({ kind = '' }) => kind))]),
  ).toBe(true);
});

it.each([
  ['500m', 0.5],
  ['256Mi', 268_435_456],
  ['2', 2],
  ['1.5Gi', 1_610_612_736],
])('the quantity %s is %d', (text, value) => {
  expect(quantity(text)).toBe(value);
});

it.each(['', '-1', '1e3', '5Zi', 'much'])(
  '%p is no quantity that a limit can be held to',
  (text) => {
    expect(quantity(text)).toBeNaN();
  },
);

function oneOfEachOther(): { readonly kind?: string | undefined }[] {
  const { networkPolicies, ...one } = tenantObjects('acme', full);
  const { admission, clusterRoles, clusterRoleBindings, priorityClass } = clusterObjects(full);
  return [
    ...Object.values(one),
    ...networkPolicies.slice(0, 1),
    priorityClass,
    ...clusterRoles.slice(0, 1),
    ...clusterRoleBindings.slice(0, 1),
    ...admission.slice(0, 1).flatMap(({ policy, binding }) => [policy, binding]),
  ];
}
