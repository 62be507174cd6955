import { describe, expect, it } from '@jest/globals';
import { additionsTo } from './fixtures/additions.ts';
import { mutationsOf } from './fixtures/mutations.ts';
import type { Mutation } from './fixtures/mutations.ts';
import { full, objectsOf, order, plain, richOrder, userns } from './fixtures/samples.ts';
import type { Loose } from './objects.ts';
import { tenantViolations, violations } from './rules.ts';
import type { Kinds } from './rules/rule.ts';
import type { SandboxClusterSettings } from './settings.ts';
import { tenantObjects } from './tenant.ts';
import type { TenantObjects } from './tenant.ts';

/** Fields whose change weakens nothing, each with the reason. */
const harmless: readonly (readonly [path: RegExp, why: string])[] = [
  [/[.]kind$/, 'it says which rules are asked: another kind is another object'],
  [/[.]args(\[[1-9]\d*\])?$/, 'what a program is told is its own'],
  [/[.]env\[(PATH|LANG)\][.]value$/, 'they lead to what the image has, whatever they say'],
  [/[.]env\[(FORGE_ENV_)?GREETING\]([.]name)?$/, 'which variables a program has, it says itself'],
  [/[.]data[.](source|env[.]0|upload-token)$/, 'what a program is, and is told, is its own'],
];

const cases: readonly (readonly [string, SandboxClusterSettings, typeof order])[] = [
  ['the least settings', plain, order],
  ['all settings', full, richOrder],
  ['user namespaces', userns, { ...order, template: 'shell' }],
];

/** Fields that may be added, each with the reason. */
const addable: readonly (readonly [path: RegExp, why: string])[] = [
  [/^[.]status([.]|$)/, 'the cluster writes it, and takes it from nobody else'],
];

describe.each(cases)('with %s', (_name, settings, asked) => {
  const { job, secret } = objectsOf(asked, settings);
  const tenant = tenantObjects(asked.tenantId, settings);

  it('no rule is broken by what is made', () => {
    expect(violations('Job', job, settings)).toEqual([]);
    expect(violations('Secret', secret, settings)).toEqual([]);
    expect(tenantViolations(tenant, settings)).toEqual([]);
  });

  it('dropping or weakening any field of a Job breaks a rule', () => {
    expect(survivors('Job', job, settings)).toEqual([]);
  });

  it('adding any field that Kubernetes knows to a Job breaks a rule', () => {
    const changes = additionsTo(job);
    expect(changes.length).toBeGreaterThan(200);
    expect(unseen('Job', changes, settings)).toEqual([]);
  });

  it('adding any field that Kubernetes knows to a Secret breaks a rule', () => {
    expect(unseen('Secret', additionsTo(secret), settings)).toEqual([]);
  });

  it('adding any field that Kubernetes knows to what a tenant has breaks a rule', () => {
    const { networkPolicies } = tenant;
    expect([
      ...unseen('Namespace', additionsTo(tenant.namespace), settings),
      ...networkPolicies.flatMap((one) => unseen('NetworkPolicy', additionsTo(one), settings)),
      ...unseen('ResourceQuota', additionsTo(tenant.resourceQuota), settings),
      ...unseen('LimitRange', additionsTo(tenant.limitRange), settings),
      ...unseen('ServiceAccount', additionsTo(tenant.serviceAccount), settings),
      ...unseen('RoleBinding', additionsTo(tenant.roleBinding), settings),
    ]).toEqual([]);
  });

  it('dropping or weakening any field of a Secret breaks a rule', () => {
    expect(survivors('Secret', secret, settings)).toEqual([]);
  });

  it('dropping or weakening any field of what a tenant has breaks a rule', () => {
    const changed = mutationsOf(tenant).filter(({ path }) => isField(path));
    expect(changed.length).toBeGreaterThan(200);
    const kept = changed.filter(
      ({ mutated }) => tenantViolations(mutated as TenantObjects, settings).length === 0,
    );
    expect(unexcused(kept)).toEqual([]);
  });
});

it('every excuse is needed', () => {
  const { job, secret } = objectsOf(order, plain);
  const kept = [...keptBy('Job', job, plain), ...keptBy('Secret', secret, plain)];
  const needless = harmless.filter(([path]) => !kept.some((change) => path.test(change.path)));
  expect(needless).toEqual([]);
});

/** Not an object as a whole: a tenant without one has another type. */
function isField(path: string): boolean {
  return path.split('.').length > 2;
}

function keptBy<Kind extends keyof Kinds>(
  kind: Kind,
  object: Kinds[Kind],
  settings: SandboxClusterSettings,
): ReturnType<typeof mutationsOf> {
  return mutationsOf(object).filter(
    ({ mutated }) => violations(kind, mutated as Loose<Kinds[Kind]>, settings).length === 0,
  );
}

function unseen(
  kind: keyof Kinds,
  changes: readonly Mutation[],
  settings: SandboxClusterSettings,
): string[] {
  return changes
    .filter(({ path }) => !addable.some(([pattern]) => pattern.test(path)))
    .filter(({ mutated }) => violations(kind, mutated as object, settings).length === 0)
    .map(({ path }) => path);
}

function survivors<Kind extends keyof Kinds>(
  kind: Kind,
  object: Kinds[Kind],
  settings: SandboxClusterSettings,
): string[] {
  return unexcused(keptBy(kind, object, settings));
}

function unexcused(changes: ReturnType<typeof mutationsOf>): string[] {
  return changes
    .filter(({ path }) => !harmless.some(([pattern]) => pattern.test(path)))
    .map(({ path, what }) => `${path} ${what}`);
}
