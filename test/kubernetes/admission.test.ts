import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { changed } from '../../subgraphs/sandbox/providers/kubernetes/manifests/fixtures/broken.ts';
import { mutationsOf } from '../../subgraphs/sandbox/providers/kubernetes/manifests/fixtures/mutations.ts';
import {
  full,
  objectsOf,
  order,
  plain,
  richOrder,
  userns,
} from '../../subgraphs/sandbox/providers/kubernetes/manifests/fixtures/samples.ts';
import { ownedBy } from '../../subgraphs/sandbox/providers/kubernetes/manifests/attempt/secret.ts';
import { clusterObjects } from '../../subgraphs/sandbox/providers/kubernetes/manifests/cluster.ts';
import type { Job } from '../../subgraphs/sandbox/providers/kubernetes/manifests/objects.ts';
import {
  inOrder,
  tenantObjects,
} from '../../subgraphs/sandbox/providers/kubernetes/manifests/tenant.ts';
import { jobTemplates } from '../../subgraphs/sandbox/domain/job-template.ts';
import { Api } from './api.ts';
import type { Answer } from './api.ts';
import { pathOf } from './cluster/install.ts';
import { Cluster, eventually, kubeconfigs, runsPrograms } from './fixtures/cluster.ts';

const jobController = 'system:serviceaccount:kube-system:job-controller';

let cluster: Cluster;
let namespace: string;
let controller: Api;
let tenancy: Api;
beforeAll(async () => {
  cluster = await Cluster.open();
  namespace = await cluster.tenant(order.tenantId, full);
  controller = await Api.at(kubeconfigs.controller);
  tenancy = await Api.at(kubeconfigs.tenancy);
  // A policy holds from a moment after it was made.
  const { job } = objectsOf(order, plain);
  const strange = changed(job, [['spec.template.spec.runtimeClassName', 'runc']]);
  await eventually(async () => (await create(controller, strange)).status === 422);
});
afterAll(async () => {
  await controller.close();
  await tenancy.close();
  await cluster[Symbol.asyncDispose]();
});

/** Says what the API server would do with an object that is to be made, field by field. */
function create(api: Api, object: object, as?: string): Promise<Answer> {
  return api.ask({
    method: 'POST',
    path: pathOf(object),
    query: { dryRun: 'All', fieldValidation: 'Strict' },
    body: object,
    ...(as !== undefined && { as }),
  });
}

/** The pod that the Job controller makes of a Job. */
function podOf({ metadata, spec }: Job): object {
  const name = `${metadata?.name ?? ''}-x7k2p`;
  return {
    ...{ apiVersion: 'v1', kind: 'Pod', spec: spec?.template.spec },
    metadata: { ...spec?.template.metadata, name, namespace: metadata?.namespace },
  };
}

const samples = [
  ...jobTemplates.map(({ id }) => [`a plain ${id}`, { ...order, template: id }, plain] as const),
  ['a program with everything', richOrder, full] as const,
];

describe('what Forge makes', () => {
  it.each(samples)('of %s is taken as it is: Job, Secret and pod', async (_, asked, settings) => {
    const { job, secret } = objectsOf(asked, settings);
    const uid = '00000000-0000-4000-8000-000000000000';
    const answers = [
      await create(controller, job),
      await create(controller, ownedBy(secret, uid)),
      await create(cluster.admin, podOf(job), jobController),
    ];
    for (const { status, message, warnings } of answers) {
      expect([status, message, warnings]).toEqual([201, '', []]);
    }
  });

  it('of a tenant is taken as it is, from the account for tenants', async () => {
    for (const settings of [plain, full, userns]) {
      const [room, ...others] = inOrder(tenantObjects('another', settings));
      const made = await create(tenancy, room ?? {});
      expect([made.status, made.message, made.warnings]).toEqual([201, '', []]);
      // Those in it are tried in a namespace that is there, under other names.
      for (const object of others) {
        const metadata = { ...object.metadata, name: `${object.metadata?.name}-2`, namespace };
        const { status, message, warnings } = await create(tenancy, { ...object, metadata });
        expect([object.kind, status, message, warnings]).toEqual([object.kind, 201, '', []]);
      }
    }
  });

  it('of a cluster is taken as it is, and its policies say what they mean', async () => {
    for (const settings of [plain, full, userns]) {
      const { priorityClass, clusterRoles, clusterRoleBindings, admission } =
        clusterObjects(settings);
      for (const object of [
        ...[priorityClass, ...clusterRoles, ...clusterRoleBindings],
        ...admission.flatMap(({ policy, binding }) => [policy, binding]),
      ]) {
        const metadata = { ...object.metadata, name: `${object.metadata?.name}-2` };
        const { status, message, warnings } = await create(cluster.admin, { ...object, metadata });
        expect([object.kind, status, message, warnings]).toEqual([object.kind, 201, '', []]);
      }
    }
    for (const { policy } of clusterObjects(plain).admission) {
      const path = `${pathOf(policy)}/${policy.metadata?.name}`;
      const isJudged = async (): Promise<boolean> => (await found(path)).observedGeneration > 0;
      await eventually(isJudged);
      expect([path, (await found(path)).typeChecking]).toEqual([path, {}]);
    }
  });
});

interface PolicyStatus {
  readonly observedGeneration: number;
  readonly typeChecking?: object;
}

async function found(path: string): Promise<PolicyStatus> {
  const { status } = await cluster.admin.granted<{ status?: PolicyStatus }>({ path });
  return { observedGeneration: 0, ...status };
}

/** As the cluster was set up, with all containers that a pod may have. */
const withCollector = { ...full, isolation: { ...full.isolation, userNamespaces: false } };

const sysctl = { name: 'kernel.msgmax', value: '65536' };

/** What of a pod may be another without that anything which holds the program is weaker. */
const harmless = [
  /^[.](apiVersion|metadata)/,
  // The program itself, and the folders it is told.
  /^[.]spec[.]\w+\[\w+\][.](command|args|workingDir|env|name)/,
  /^[.]spec[.](volumes|\w+\[\w+\][.]volumeMounts)/,
  // What is left out is set by the LimitRange; what is more, the quota counts.
  /^[.]spec[.]\w+\[\w+\][.]resources/,
  /^[.]spec[.]\w+\[\w+\][.](imagePullPolicy|terminationMessagePolicy|restartPolicy)/,
  /^[.]spec[.]initContainers(\[collector\])? (dropped|emptied)/,
  // Whom it may find, by name: the network decides whom it may reach.
  /^[.]spec[.](hostAliases|dnsConfig|dnsPolicy|hostname|setHostnameAsFQDN|enableServiceLinks)/,
  /^[.]spec[.](restartPolicy|activeDeadlineSeconds|terminationGracePeriodSeconds)/,
  /^[.]spec[.](priorityClassName|preemptionPolicy|nodeSelector|tolerations)/,
  // What is not said is no.
  /^[.]spec[.](shareProcessNamespace|hostNetwork|hostPID|hostIPC) dropped/,
  /securityContext[.](privileged|procMount|appArmorProfile) dropped/,
  // The pod says it for its containers, or they for themselves.
  /securityContext( |[.](runAsNonRoot|seccompProfile) )dropped/,
  // Nobody, if another one.
  /securityContext[.](runAsUser|runAsGroup|fsGroup) (dropped|× 1000)/,
  /securityContext[.]supplementalGroupsPolicy dropped/,
  /capabilities[.]drop with a stranger/,
];

const pod = 'spec.template.spec';
const main = `${pod}.containers.0`;

describe('a Job that is weaker', () => {
  it.each([
    ['without a RuntimeClass', [`${pod}.runtimeClassName`, undefined], /RuntimeClass gvisor/],
    ['with another RuntimeClass', [`${pod}.runtimeClassName`, 'runc'], /RuntimeClass gvisor/],
    [
      'with a tag',
      [`${main}.image`, 'registry.example/forge/node:latest'],
      /pinned by their digest/,
    ],
    [
      'of another registry',
      [`${main}.image`, `docker.io/library/node@sha256:${'1'.repeat(64)}`],
      /known registries/,
    ],
    ['with a token', [`${pod}.automountServiceAccountToken`, true], /get no token/],
    ['that says nothing of tokens', [`${pod}.automountServiceAccountToken`, undefined], /no token/],
    ['of another account', [`${pod}.serviceAccountName`, 'default'], /run as forge-sandbox/],
    [
      'with a folder of the node',
      [`${pod}.volumes.1`, { name: 'work', hostPath: { path: '/' } }],
      /empty folders and Secrets/,
    ],
    [
      'with a token as a volume',
      [
        `${pod}.volumes.1`,
        { name: 'work', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } },
      ],
      /empty folders and Secrets/,
    ],
    [
      'with a root that can be written to',
      [`${main}.securityContext.readOnlyRootFilesystem`, false],
      /root of a container is read-only/,
    ],
    [
      'whose containers see each other',
      [`${pod}.shareProcessNamespace`, true],
      /do not see each other/,
    ],
    ['that says nothing of its root', [`${main}.securityContext`, undefined], /read-only/],
    [
      'with all of a Secret in its environment',
      [`${main}.envFrom`, [{ secretRef: { name: 'another' } }]],
      /plain or from the Secret/,
    ],
    [
      'that is told the address of its node',
      [`${main}.env.0`, { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } }],
      /plain or from the Secret/,
    ],
  ] as const)('%s is turned away', async (_, change, message) => {
    const { job } = objectsOf(order, plain);
    const answer = await create(controller, changed(job, [change]));
    expect(answer.status).toBe(422);
    expect(answer.message).toMatch(message);
  });

  it('is turned away for a container that comes before the program as well', async () => {
    const { job } = objectsOf(richOrder, full);
    const change = [`${pod}.initContainers.0.image`, 'registry.example/x:latest'] as const;
    const answer = await create(controller, changed(job, [change]));
    expect(answer).toMatchObject({ status: 422, message: expect.stringMatching(/digest/) });
  });

  it('is turned away when a person makes it, whatever it holds', async () => {
    const { job } = objectsOf(order, plain);
    const answer = await create(cluster.admin, job);
    expect(answer.message).toContain('Jobs of a tenant are made by Forge alone.');
    const made = await create(cluster.admin, podOf(job));
    expect(made.message).toContain('Pods of a tenant are made by Forge alone.');
  });
});

describe('a pod that is weaker', () => {
  it.each([
    ['as root', [[`spec.containers.0.securityContext.runAsUser`, 0]]],
    [
      'as whoever its image says',
      [
        ['spec.securityContext.runAsNonRoot', undefined],
        ['spec.containers.0.securityContext.runAsNonRoot', undefined],
      ],
    ],
    [
      'without a filter of system calls',
      [
        ['spec.securityContext.seccompProfile', undefined],
        ['spec.containers.0.securityContext.seccompProfile', undefined],
      ],
    ],
    ['with a capability', [['spec.containers.0.securityContext.capabilities.add', ['SYS_PTRACE']]]],
    ['with a port of its node', [['spec.containers.0.ports', [{ containerPort: 1, hostPort: 1 }]]]],
    ['with a setting of the kernel', [['spec.securityContext.sysctls', [sysctl]]]],
  ] as const)('%s is turned away by Pod Security', async (_, changes) => {
    const { job } = objectsOf(order, plain);
    const answer = await create(cluster.admin, changed(podOf(job), changes), jobController);
    expect(answer.status).toBe(403);
    expect(answer.message).toContain('violates PodSecurity "restricted:v1.33"');
  });

  it('in one field, whichever, is turned away, or is held as well as before', async () => {
    const { job } = objectsOf(richOrder, withCollector);
    const passed: string[] = [];
    let refused = 0;
    for (const { path, what, mutated } of mutationsOf(podOf(job))) {
      const answer = await create(cluster.admin, mutated as object, jobController);
      if (answer.status === 201) passed.push(`${path} ${what}`);
      else refused += 1;
    }
    expect(passed.filter((one) => !harmless.some((pattern) => pattern.test(one)))).toEqual([]);
    expect(refused).toBeGreaterThan(100);
  });
});

(runsPrograms ? describe : describe.skip)('whoever wants to get into a program', () => {
  it.each(['exec', 'attach', 'portforward'])('is turned away: %s', async (way) => {
    const runner = cluster.newRunner();
    const asked = { ...order, template: 'shell' as const, source: 'sleep 60' };
    await runner.start(asked);
    try {
      const [one] = (
        await cluster.admin.granted<{ items: { metadata: { name: string } }[] }>({
          path: `/api/v1/namespaces/${namespace}/pods`,
        })
      ).items;
      const path = `/api/v1/namespaces/${namespace}/pods/${one?.metadata.name ?? ''}/${way}`;
      const query = { command: 'sh', stdout: 'true', ports: '80' };
      const answer = await cluster.admin.ask({ method: 'POST', path, query });
      expect(answer.message).toContain('Nobody gets into a program that runs.');
    } finally {
      await runner.remove(asked.key);
    }
  });
});
