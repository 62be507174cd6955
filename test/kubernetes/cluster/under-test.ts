/** The cluster that the tests of this folder run against, as `main.ts` tells them of it. */
export interface ClusterUnderTest {
  readonly kubeconfigs: {
    /** May do everything. */
    readonly admin: string;
    /** The account that runs programs, with the roles of the chart. */
    readonly controller: string;
    /** The account that makes tenants' namespaces, with the roles of the chart. */
    readonly tenancy: string;
  };
  /** A file with the settings of the sandbox there. Undefined: those of a cluster that is ours. */
  readonly settingsFile?: string | undefined;
  /** What there is of it besides its API, if it is ours: its node is a test's, and it may be hurt. */
  readonly own?:
    | {
        readonly folder: string;
        readonly etcd: string;
        readonly certificate: string;
        readonly kubeletKubeconfig: string;
      }
    | undefined;
}

export const variable = 'FORGE_TEST_CLUSTER';

export function clusterUnderTest(): ClusterUnderTest {
  const told = process.env[variable];
  if (told === undefined) {
    throw new Error('These tests need a cluster: npm run test:k8s starts one, or is given one.');
  }
  return JSON.parse(told) as ClusterUnderTest;
}
