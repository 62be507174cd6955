import type {
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1Container,
  V1EnvVar,
  V1HostAlias,
  V1Job,
  V1LimitRange,
  V1Namespace,
  V1NetworkPolicy,
  V1NetworkPolicyPeer,
  V1NetworkPolicySpec,
  V1PodSecurityContext,
  V1PodSpec,
  V1PolicyRule,
  V1PriorityClass,
  V1ResourceQuota,
  V1ResourceRequirements,
  V1RoleBinding,
  V1Secret,
  V1SecurityContext,
  V1ServiceAccount,
  V1ValidatingAdmissionPolicy,
  V1ValidatingAdmissionPolicyBinding,
  V1Volume,
  V1VolumeMount,
} from '@kubernetes/client-node';

/**
 * An object of Kubernetes as the JSON that is sent. The client's types are
 * classes, whose names for `default`, `from` and the like begin with `_`.
 */
type Data<T> = T extends string | number | boolean | undefined | Date
  ? T
  : T extends readonly (infer Item)[]
    ? Data<Item>[]
    : { [Key in keyof T as Key extends `_${infer Name}` ? Name : Key]: Data<T[Key]> };

export type ClusterRole = Data<V1ClusterRole>;
export type ClusterRoleBinding = Data<V1ClusterRoleBinding>;
export type Container = Data<V1Container>;
export type EnvVar = Data<V1EnvVar>;
export type HostAlias = Data<V1HostAlias>;
export type Job = Data<V1Job>;
export type LimitRange = Data<V1LimitRange>;
export type Namespace = Data<V1Namespace>;
export type NetworkPolicy = Data<V1NetworkPolicy>;
export type NetworkPolicyPeer = Data<V1NetworkPolicyPeer>;
export type NetworkPolicySpec = Data<V1NetworkPolicySpec>;
export type PodSecurityContext = Data<V1PodSecurityContext>;
export type PodSpec = Data<V1PodSpec>;
export type PolicyRule = Data<V1PolicyRule>;
export type PriorityClass = Data<V1PriorityClass>;
export type ResourceQuota = Data<V1ResourceQuota>;
export type ResourceRequirements = Data<V1ResourceRequirements>;
export type RoleBinding = Data<V1RoleBinding>;
export type Secret = Data<V1Secret>;
export type SecurityContext = Data<V1SecurityContext>;
export type ServiceAccount = Data<V1ServiceAccount>;
export type ValidatingAdmissionPolicy = Data<V1ValidatingAdmissionPolicy>;
export type ValidatingAdmissionPolicyBinding = Data<V1ValidatingAdmissionPolicyBinding>;
export type Volume = Data<V1Volume>;
export type VolumeMount = Data<V1VolumeMount>;

/** Such data of which anything may be missing, as when it comes from somebody else. */
export type Loose<T> = T extends string | number | boolean | undefined | Date
  ? T
  : T extends readonly (infer Item)[]
    ? Loose<Item>[]
    : { [Key in keyof T]?: Loose<T[Key]> | undefined };
