import { sandboxServiceAccount } from '../names.ts';
import type { SandboxClusterSettings } from '../settings.ts';

export interface Validation {
  expression: string;
  message: string;
}

/**
 * The rules for pods that the API server holds itself, in CEL. Pod Security
 * `restricted` holds the rest by the label of the namespace: what is here is
 * beyond it. `rules/` has the same in full, for Forge's own objects.
 */
export function podValidations(
  pod: string,
  { isolation, registries }: Pick<SandboxClusterSettings, 'isolation' | 'registries'>,
): Validation[] {
  const containers = [
    `${pod}.containers`,
    `(has(${pod}.initContainers) ? ${pod}.initContainers : [])`,
  ];
  const every = (condition: string): string =>
    containers.map((list) => `${list}.all(c, ${condition})`).join(' && ');
  return [
    ...separation(pod, isolation),
    {
      expression: every(`c.image.matches('@sha256:[0-9a-f]{64}$') && (${ofRegistry(registries)})`),
      message: 'Images are pinned by their digest and come from the known registries.',
    },
    {
      expression:
        `has(${pod}.automountServiceAccountToken) && !${pod}.automountServiceAccountToken && ` +
        `has(${pod}.serviceAccountName) && ${pod}.serviceAccountName == '${sandboxServiceAccount}'`,
      message: `Pods run as ${sandboxServiceAccount} and get no token.`,
    },
    {
      expression: `!has(${pod}.shareProcessNamespace) || !${pod}.shareProcessNamespace`,
      message: 'The containers of a pod do not see each other.',
    },
    {
      expression: `!has(${pod}.volumes) || ${pod}.volumes.all(v, has(v.emptyDir) || has(v.secret))`,
      message: 'Volumes are empty folders and Secrets.',
    },
    {
      expression: every(
        'has(c.securityContext) && has(c.securityContext.readOnlyRootFilesystem) && ' +
          'c.securityContext.readOnlyRootFilesystem',
      ),
      message: 'The root of a container is read-only.',
    },
    {
      expression: every(
        '!has(c.envFrom) && (!has(c.env) || c.env.all(e, !has(e.valueFrom) || has(e.valueFrom.secretKeyRef)))',
      ),
      message: 'Variables are plain or from the Secret of the attempt.',
    },
  ];
}

function separation(
  pod: string,
  { tier, runtimeClass, userNamespaces }: SandboxClusterSettings['isolation'],
): Validation[] {
  const validations: Validation[] = [];
  if (runtimeClass !== null) {
    validations.push({
      expression: `has(${pod}.runtimeClassName) && ${pod}.runtimeClassName == '${runtimeClass}'`,
      message: `Programs run with the RuntimeClass ${runtimeClass}.`,
    });
  }
  if (tier === 'USERNS' || userNamespaces) {
    validations.push({
      expression: `has(${pod}.hostUsers) && !${pod}.hostUsers`,
      message: 'Programs have users of their own.',
    });
  }
  return validations;
}

function ofRegistry(registries: readonly string[]): string {
  if (registries.length === 0) return 'false';
  return registries.map((registry) => `c.image.startsWith("${registry}/")`).join(' || ');
}
