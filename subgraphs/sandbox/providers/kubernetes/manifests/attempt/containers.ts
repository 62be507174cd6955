import type { Container, PodSecurityContext, SecurityContext } from '../objects.ts';
import type { CollectorSettings, Place, SandboxClusterSettings } from '../settings.ts';
import type { AttemptOrder } from './order.ts';
import { argsOf, commandOf, envOf, folders, literal, maskedEnv } from './program.ts';
import { collectorMounts, collectorResources, mainMounts, mainResources } from './resources.ts';
import { uploadTokenKey } from './secret.ts';

/** The user of every program: no image has an account of this number with rights. */
export const sandboxUid = 65_532;

/** The container in which the program runs. */
export function mainContainer(
  order: AttemptOrder,
  template: { readonly image: string; readonly interpreter: string },
  proxy: Place | null,
  settings: SandboxClusterSettings,
): Container {
  return {
    name: 'main',
    image: template.image,
    ...shared(settings),
    command: commandOf(order, template.interpreter, settings),
    args: argsOf(order),
    workingDir: folders.work,
    env: envOf(order, proxy, settings),
    resources: mainResources(order, settings),
    volumeMounts: mainMounts(),
  };
}

/**
 * The container that uploads the artifacts. It starts before the program and is
 * asked to end after it: then it has the pod's grace for the upload.
 * Source: Kubernetes, Sidecar Containers.
 */
export function collectorContainer(
  order: AttemptOrder,
  collector: CollectorSettings,
  gate: Place,
  settings: SandboxClusterSettings,
): Container {
  return {
    name: 'collector',
    image: collector.image,
    ...shared(settings),
    restartPolicy: 'Always',
    command: [...collector.command],
    workingDir: folders.artifacts,
    env: [
      ...maskedEnv(),
      { name: 'FORGE_ARTIFACTS', value: folders.artifacts },
      { name: 'FORGE_JOB_ID', value: literal(order.key.jobId) },
      { name: 'FORGE_ATTEMPT', value: String(order.key.attempt) },
      { name: 'FORGE_GATE', value: `http://${gate.host}:${gate.port}` },
      { name: 'FORGE_UPLOAD_TOKEN_FILE', value: `${folders.token}/${uploadTokenKey}` },
    ],
    resources: collectorResources(collector),
    volumeMounts: collectorMounts(),
  };
}

function shared(settings: SandboxClusterSettings): Partial<Container> {
  return {
    imagePullPolicy: 'IfNotPresent',
    terminationMessagePolicy: 'File',
    securityContext: containerSecurity(settings),
  };
}

/** Pod Security `restricted`, and what it leaves open. */
function containerSecurity({ isolation }: SandboxClusterSettings): SecurityContext {
  return {
    allowPrivilegeEscalation: false,
    privileged: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    runAsUser: sandboxUid,
    runAsGroup: sandboxUid,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
    procMount: 'Default',
    ...(isolation.appArmor ? { appArmorProfile: { type: 'RuntimeDefault' } } : {}),
  };
}

/** The same for what the pod mounts, and for containers that somebody might add. */
export function podSecurity(): PodSecurityContext {
  return {
    runAsNonRoot: true,
    runAsUser: sandboxUid,
    runAsGroup: sandboxUid,
    fsGroup: sandboxUid,
    // Groups of the image's /etc/group would come on top.
    supplementalGroupsPolicy: 'Strict',
    seccompProfile: { type: 'RuntimeDefault' },
  };
}
