/**
 * What held the program of an attempt, as it was there: never what was asked
 * for. What could not be seen is told as not held.
 */
export interface SecurityProfile {
  /** What parted it from the kernel of its machine. NONE where that is not known to hold. */
  readonly isolation: 'GVISOR' | 'KATA' | 'USERNS' | 'NAMESPACES' | 'NONE';
  readonly runtimeClass: string | null;
  /** The filter of its system calls. Null without one. */
  readonly seccomp: string | null;
  /** Whether its users were nobody outside. */
  readonly userNamespace: boolean;
  readonly readOnlyRoot: boolean;
  readonly privileged: boolean;
  /** Whether it could have a token of the cluster. */
  readonly clusterToken: boolean;
  /** PROXY: it could ask the egress proxy and nobody else. */
  readonly egress: 'NONE' | 'PROXY';
  readonly processesMax: number | null;
  /** The policies under which it ran, by their names. */
  readonly policies: readonly string[];
  /** What the settings of its runner say, as a hash: another one is another profile. */
  readonly profile: string;
}

/** A probe that has tried, on this cluster and under this profile, what no program may do. */
export interface SecurityEvidence {
  readonly probedAt: string;
  readonly clusterUid: string;
  readonly pool: string;
}

/** A profile as it is kept with its attempt. Without evidence it is what the runner says alone. */
export interface KeptSecurity extends SecurityProfile {
  readonly evidence: SecurityEvidence | null;
}
