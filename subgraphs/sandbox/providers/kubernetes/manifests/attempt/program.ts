import type { EnvVar } from '../objects.ts';
import { findTemplate } from '../../../../domain/job-template.ts';
import { defaultLimits } from '../../../runner.ts';
import type { Place, SandboxClusterSettings } from '../settings.ts';
import { attemptName } from '../names.ts';
import type { AttemptOrder } from './order.ts';

/** Where things lie in a pod: the same as with the local runner. */
export const folders = {
  job: '/job',
  work: '/work',
  tmp: '/tmp',
  artifacts: '/artifacts',
  token: '/forge',
} as const;

/** The file of a program, and its path in the pod. */
export function sourceFile({ template }: Pick<AttemptOrder, 'template'>): string {
  return findTemplate(template)?.file ?? 'main';
}

/** The interpreter, behind the wrapper if there is one. Nothing of the program is in it. */
export function commandOf(
  order: AttemptOrder,
  interpreter: string,
  { wrapper }: Pick<SandboxClusterSettings, 'wrapper'>,
): string[] {
  const bare = [interpreter, ...interpreterFlags(order)];
  return wrapper === null ? bare : [wrapper, ...wrapperFlags(order), '--', ...bare];
}

/** The program's file and its arguments, to be given to it as they are. */
export function argsOf(order: AttemptOrder): string[] {
  return [`${folders.job}/${sourceFile(order)}`, ...order.args.map(literal)];
}

/**
 * Says a text so that the kubelet gives it unchanged: it replaces `$(NAME)` in
 * commands, arguments and values, and makes one `$` of two.
 * Source: Kubernetes, Define Dependent Environment Variables.
 */
export function literal(text: string): string {
  return text.replaceAll('$', '$$$$');
}

function interpreterFlags({ template, memoryMib }: AttemptOrder): string[] {
  switch (template) {
    case 'node':
      // Makes V8 collect in time. It is never reached: the rest of Node counts as memory too.
      return [`--max-old-space-size=${memoryMib}`];
    case 'python':
      // Unbuffered, so that what is printed is seen at once.
      return ['-u'];
    case 'shell':
      return [];
  }
}

function wrapperFlags(order: AttemptOrder): string[] {
  const limits = { ...defaultLimits, ...order.limits };
  return [
    `--processes=${limits.processesMax}`,
    `--open-files=${limits.openFilesMax}`,
    `--timeout-ms=${order.timeoutSeconds * 1_000}`,
    `--grace-ms=${limits.graceMs}`,
    `--output-bytes=${limits.outputBytesMax}`,
  ];
}

/**
 * What the kubelet tells every container of the cluster, service links or not.
 * Declared empty, they are not told.
 * Source: kubernetes, pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables.
 */
export const maskedNames = [
  'KUBERNETES_SERVICE_HOST',
  'KUBERNETES_SERVICE_PORT',
  'KUBERNETES_SERVICE_PORT_HTTPS',
  'KUBERNETES_PORT',
  'KUBERNETES_PORT_443_TCP',
  'KUBERNETES_PORT_443_TCP_PROTO',
  'KUBERNETES_PORT_443_TCP_PORT',
  'KUBERNETES_PORT_443_TCP_ADDR',
] as const;

export function maskedEnv(): EnvVar[] {
  return maskedNames.map((name) => ({ name, value: '' }));
}

/** The key of the n-th declared variable in the attempt's Secret: its name may be too long for one. */
export function envKey(n: number): string {
  return `env.${n}`;
}

/**
 * What comes before the name of a declared variable on its way to the wrapper,
 * which gives the program the name itself: `PERL5OPT` or `LD_PRELOAD` of a
 * program say nothing to what holds it. No spec may declare such a name.
 */
export const wrappedPrefix = 'FORGE_ENV_';

/** Declared variables from the Secret, ours as they are: whatever is declared twice, the last counts. */
export function envOf(
  order: AttemptOrder,
  proxy: Place | null,
  { wrapper }: Pick<SandboxClusterSettings, 'wrapper'>,
): EnvVar[] {
  const { env, key } = order;
  const prefix = wrapper === null ? '' : wrappedPrefix;
  const plain = Object.entries({
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: folders.work,
    TMPDIR: folders.tmp,
    LANG: 'C.UTF-8',
    ...(proxy === null ? {} : { HTTPS_PROXY: `http://${proxy.host}:${proxy.port}` }),
  }).map(([name, value]): EnvVar => ({ name, value }));
  const declared = env.map(({ name }, n): EnvVar => {
    const secretKeyRef = { name: attemptName(key), key: envKey(n), optional: false };
    return { name: `${prefix}${name}`, valueFrom: { secretKeyRef } };
  });
  const fixed: EnvVar[] = [
    { name: 'FORGE_ARTIFACTS', value: folders.artifacts },
    { name: 'FORGE_JOB_ID', value: literal(key.jobId) },
  ];
  const all = [...maskedEnv(), ...plain, ...declared, ...fixed];
  return [...new Map(all.map((variable) => [variable.name, variable])).values()];
}
