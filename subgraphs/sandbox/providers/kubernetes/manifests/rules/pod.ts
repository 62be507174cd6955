import { labelNames, sandboxServiceAccount } from '../names.ts';
import type { Job, Loose, PodSpec } from '../objects.ts';
import type { SandboxClusterSettings } from '../settings.ts';
import { sandboxUid } from '../attempt/containers.ts';
import { hasOnly, isExactly, isSame, rulesFor, unless } from './rule.ts';
import type { Rule } from './rule.ts';

type Pod = Loose<PodSpec>;

/** A rule that looks at the pod of a Job. */
function ofPod(
  broken: (pod: Pod, settings: SandboxClusterSettings, job: Loose<Job>) => string[],
): Rule<'Job'>['broken'] {
  return (job, settings) =>
    broken(job.spec?.template?.spec ?? {}, settings, job).map((field) => `pod: ${field}`);
}

/** Rules for the pod as a whole: Pod Security `restricted`, and what it leaves open. */
export const podRules = rulesFor('Job', {
  'pod-runs-once': [
    'The kubelet does not start a program again.',
    ofPod(({ restartPolicy }) => unless({ restartPolicy: restartPolicy === 'Never' })),
  ],
  'pod-grace': [
    'There is time to end in order, and not much.',
    ofPod(({ terminationGracePeriodSeconds: seconds = NaN }) =>
      unless({ terminationGracePeriodSeconds: seconds > 0 && seconds <= 300 }),
    ),
  ],
  'pod-pool': [
    'Programs run on nodes of their own, and tolerate the taint of those alone.',
    ofPod(({ nodeSelector, tolerations }, { pool }) =>
      unless({
        nodeSelector: isSame(nodeSelector, pool.nodeSelector),
        tolerations:
          tolerations?.length === pool.tolerations.length &&
          pool.tolerations.every((taint, n) =>
            isSame(tolerations[n] as Record<string, string>, { ...taint, operator: 'Equal' }),
          ),
      }),
    ),
  ],
  'pod-priority': [
    'Programs come after everything else and push nothing off.',
    ofPod(({ priorityClassName, preemptionPolicy }, { priorityClass }) =>
      unless({
        priorityClassName: priorityClassName === priorityClass,
        preemptionPolicy: preemptionPolicy === 'Never',
      }),
    ),
  ],
  'pod-runtime': [
    'Programs run with the RuntimeClass of the tier.',
    ofPod(({ runtimeClassName }, { isolation }) =>
      unless({ runtimeClassName: (runtimeClassName ?? null) === isolation.runtimeClass }),
    ),
  ],
  'pod-users': [
    'Root inside is nobody outside, where the tier asks for it.',
    ofPod(({ hostUsers }, { isolation: { tier, userNamespaces } }) => {
      const isAskedFor = tier === 'USERNS' || userNamespaces;
      return unless({ hostUsers: hostUsers === (isAskedFor ? false : undefined) });
    }),
  ],
  'pod-account': [
    'Programs are nobody for the cluster, and get no token.',
    ofPod(({ serviceAccountName, automountServiceAccountToken }) =>
      unless({
        serviceAccountName: serviceAccountName === sandboxServiceAccount,
        automountServiceAccountToken: automountServiceAccountToken === false,
      }),
    ),
  ],
  'pod-service-links': [
    'Programs are not told of other Services.',
    ofPod(({ enableServiceLinks }) => unless({ enableServiceLinks: enableServiceLinks === false })),
  ],
  'pod-host-namespaces': [
    'Nothing of the node is shared. Source: Pod Security Standards, Baseline, Host Namespaces.',
    ofPod(({ hostNetwork, hostPID, hostIPC }) =>
      unless({
        hostNetwork: hostNetwork === false,
        hostPID: hostPID === false,
        hostIPC: hostIPC === false,
      }),
    ),
  ],
  'pod-processes': [
    'A program does not see the processes of its collector.',
    ofPod(({ shareProcessNamespace }) =>
      unless({ shareProcessNamespace: shareProcessNamespace === false }),
    ),
  ],
  'pod-hostname': [
    'A program does not learn its name in the cluster from the host’s.',
    ofPod(({ hostname, setHostnameAsFQDN }) =>
      unless({
        hostname: hostname === 'sandbox',
        setHostnameAsFQDN: setHostnameAsFQDN === false,
      }),
    ),
  ],
  'pod-dns': [
    'There is no DNS: it is a way out.',
    ofPod(({ dnsPolicy, dnsConfig }) =>
      unless({
        dnsPolicy: dnsPolicy === 'None',
        'dnsConfig.nameservers': isExactly(dnsConfig?.nameservers, ['127.0.0.1']),
        'dnsConfig.options':
          dnsConfig?.options?.length === 1 &&
          isSame(dnsConfig.options[0] as Record<string, string>, { name: 'ndots', value: '1' }),
        dnsConfig: hasOnly(dnsConfig, ['nameservers', 'options']),
      }),
    ),
  ],
  'pod-hosts': [
    'The hosts file names the places that may be reached, and no others.',
    ofPod(({ hostAliases, initContainers }, { gate, egressProxy }, { metadata }) => {
      const isGranted = metadata?.labels?.[labelNames.egress] === 'proxy';
      const places = [initContainers?.length ? gate : null, isGranted ? egressProxy : null];
      const wanted = places.flatMap((place) => (place ? [`${place.address} ${place.host}`] : []));
      const found = hostAliases?.map(({ ip, hostnames }) => `${ip} ${hostnames?.join(' ')}`);
      const isPlain = hostAliases?.every((alias) => hasOnly(alias, ['ip', 'hostnames'])) ?? true;
      return unless({ hostAliases: isPlain && isExactly(found ?? [], wanted) });
    }),
  ],
  'pod-user': [
    'Nothing in the pod is root. Source: Pod Security Standards, Restricted.',
    ofPod(({ securityContext: context }) =>
      unless({
        'securityContext.runAsNonRoot': context?.runAsNonRoot === true,
        'securityContext.runAsUser': context?.runAsUser === sandboxUid,
        'securityContext.runAsGroup': context?.runAsGroup === sandboxUid,
        'securityContext.fsGroup': context?.fsGroup === sandboxUid,
      }),
    ),
  ],
  'pod-groups': [
    'No group of an image comes on top.',
    ofPod(({ securityContext: context }) =>
      unless({
        'securityContext.supplementalGroupsPolicy': context?.supplementalGroupsPolicy === 'Strict',
      }),
    ),
  ],
  'pod-seccomp': [
    'System calls are filtered. Source: Pod Security Standards, Restricted, Seccomp.',
    ofPod(({ securityContext: context }) =>
      unless({
        'securityContext.seccompProfile':
          context?.seccompProfile?.type === 'RuntimeDefault' &&
          hasOnly(context.seccompProfile, ['type']),
      }),
    ),
  ],
  'pod-security-nothing-else': [
    'No sysctls, no SELinux options, no other groups.',
    ofPod(({ securityContext }) =>
      unless({ securityContext: hasOnly(securityContext, securityFields) }),
    ),
  ],
  'pod-containers': [
    'In a pod are the program and at most its collector; nothing is let in later.',
    ofPod(({ containers, initContainers, ephemeralContainers }) =>
      unless({
        containers: isExactly(
          containers?.map(({ name }) => name),
          ['main'],
        ),
        initContainers: [undefined, 'collector'].includes(
          initContainers?.map(({ name }) => name).join(' '),
        ),
        ephemeralContainers: ephemeralContainers === undefined,
      }),
    ),
  ],
  'pod-nothing-else': [
    'A pod has no field that is not known here.',
    ofPod((pod) => unless({ spec: hasOnly(pod, podFields) })),
  ],
});

const securityFields = [
  'runAsNonRoot',
  'runAsUser',
  'runAsGroup',
  'fsGroup',
  'supplementalGroupsPolicy',
  'seccompProfile',
];

const podFields = [
  'restartPolicy',
  'activeDeadlineSeconds',
  'terminationGracePeriodSeconds',
  'nodeSelector',
  'tolerations',
  'priorityClassName',
  'preemptionPolicy',
  'runtimeClassName',
  'hostUsers',
  'serviceAccountName',
  'automountServiceAccountToken',
  'enableServiceLinks',
  'hostNetwork',
  'hostPID',
  'hostIPC',
  'shareProcessNamespace',
  'setHostnameAsFQDN',
  'hostname',
  'dnsPolicy',
  'dnsConfig',
  'hostAliases',
  'securityContext',
  'initContainers',
  'containers',
  'ephemeralContainers',
  'volumes',
];
