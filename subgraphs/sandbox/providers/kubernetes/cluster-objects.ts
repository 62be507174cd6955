import type { Watched } from './list-watch.ts';
import type { Loose, PodSpec } from './manifests/objects.ts';

/** What the runner reads of a Job, as the API writes it. */
export interface JobObject extends Watched {
  readonly metadata: Watched['metadata'] & Marked;
  readonly spec?: {
    readonly suspend?: boolean;
    readonly template?: { readonly spec?: Loose<PodSpec> };
  };
  readonly status?: { readonly conditions?: readonly ConditionObject[] };
}

/** What the runner reads of a pod. */
export interface PodObject extends Watched {
  readonly metadata: Watched['metadata'] &
    Marked & {
      readonly ownerReferences?: readonly { readonly kind: string; readonly uid: string }[];
    };
  readonly spec?: Loose<PodSpec>;
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly ConditionObject[];
    readonly containerStatuses?: readonly ContainerStatusObject[];
    readonly initContainerStatuses?: readonly ContainerStatusObject[];
  };
}

interface ContainerStatusObject {
  readonly name: string;
  readonly state?: ContainerStateObject;
}

interface Marked {
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
}

export interface ConditionObject {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface ContainerStateObject {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt: string };
  readonly terminated?: TerminatedObject;
}

export interface TerminatedObject {
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

/** The container in which the program of an attempt runs. */
export const mainContainerName = 'main';

export function mainStateOf({ status }: PodObject): ContainerStateObject {
  const found = status?.containerStatuses?.find(({ name }) => name === mainContainerName);
  return found?.state ?? {};
}

/** Whether somebody is in a pod who brings what its program left to the gate. */
export function hasCollector({ status }: PodObject): boolean {
  const found = status?.initContainerStatuses?.find(({ name }) => name === 'collector');
  return status?.phase === 'Running' && found !== undefined && !found.state?.terminated;
}

export function ownerUidOf({ metadata }: PodObject): string | undefined {
  return metadata.ownerReferences?.find(({ kind }) => kind === 'Job')?.uid;
}

export function conditionOf(
  { status }: JobObject | PodObject,
  type: string,
): ConditionObject | undefined {
  return status?.conditions?.find((one) => one.type === type && one.status === 'True');
}
