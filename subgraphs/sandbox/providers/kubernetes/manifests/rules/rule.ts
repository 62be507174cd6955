import type {
  ClusterRole,
  ClusterRoleBinding,
  Job,
  LimitRange,
  Loose,
  Namespace,
  NetworkPolicy,
  PriorityClass,
  ResourceQuota,
  RoleBinding,
  Secret,
  ServiceAccount,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../objects.ts';
import type { SandboxClusterSettings } from '../settings.ts';

/** The kinds that rules speak of. */
export interface Kinds {
  Job: Job;
  Secret: Secret;
  Namespace: Namespace;
  NetworkPolicy: NetworkPolicy;
  ResourceQuota: ResourceQuota;
  LimitRange: LimitRange;
  ServiceAccount: ServiceAccount;
  RoleBinding: RoleBinding;
  ClusterRole: ClusterRole;
  ClusterRoleBinding: ClusterRoleBinding;
  PriorityClass: PriorityClass;
  ValidatingAdmissionPolicy: ValidatingAdmissionPolicy;
  ValidatingAdmissionPolicyBinding: ValidatingAdmissionPolicyBinding;
}

/**
 * One thing that must be true of every object of a kind. It trusts nothing of
 * what it looks at: whatever is missing is a violation, not a crash.
 */
export interface Rule<Kind extends keyof Kinds = keyof Kinds> {
  readonly kind: Kind;
  readonly name: string;
  /** What must be true, as a sentence. */
  readonly says: string;
  /** The fields of which it is not. */
  readonly broken: (object: Loose<Kinds[Kind]>, settings: SandboxClusterSettings) => string[];
}

/** Rules of one kind, by their names. */
export function rulesFor<Kind extends keyof Kinds>(
  kind: Kind,
  rules: Readonly<Record<string, readonly [says: string, broken: Rule<Kind>['broken']]>>,
): Rule<Kind>[] {
  return Object.entries(rules).map(([name, [says, broken]]) => ({ kind, name, says, broken }));
}

/** The fields whose condition does not hold. */
export function unless(fields: Readonly<Record<string, boolean>>): string[] {
  return Object.entries(fields).flatMap(([field, holds]) => (holds ? [] : [field]));
}

/** Whether a list has exactly these, in any order. */
export function isExactly(
  list: readonly (string | undefined)[] | undefined,
  wanted: readonly string[],
): boolean {
  return list?.length === wanted.length && wanted.every((item) => list.includes(item));
}

/** Whether an object has no field beyond these: what Kubernetes adds next is not ours unseen. */
export function hasOnly(object: object | undefined, names: readonly string[]): boolean {
  return object !== undefined && Object.keys(object).every((name) => names.includes(name));
}

/** Whether two maps, or two objects of texts alone, are the same. */
export function isSame(
  a: Readonly<Record<string, string | undefined>> | undefined,
  b: Readonly<Record<string, string | undefined>> | undefined,
): boolean {
  if (a === undefined || b === undefined) return false;
  const names = Object.keys(a);
  return isExactly(Object.keys(b), names) && names.every((name) => a[name] === b[name]);
}
