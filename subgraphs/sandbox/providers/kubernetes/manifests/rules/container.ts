import { folders, maskedNames, sourceFile, wrappedPrefix } from '../attempt/program.ts';
import { sandboxUid } from '../attempt/containers.ts';
import { annotationNames, labelNames } from '../names.ts';
import type { Container, Job, Loose } from '../objects.ts';
import { pinnedImagePattern } from '../settings.ts';
import type { SandboxClusterSettings } from '../settings.ts';
import { jobTemplates } from '../../../../domain/job-template.ts';
import { quantity } from './quantity.ts';
import { hasOnly, isExactly, isSame, rulesFor, unless } from './rule.ts';
import type { Rule } from './rule.ts';

type Part = Loose<Container>;

/** The containers of a pod, by their names. */
export function containersOf({ spec }: Loose<Job>): Part[] {
  const pod = spec?.template?.spec;
  return [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])];
}

/** A rule that looks at each container of a Job's pod. */
export function ofEach(
  broken: (container: Part, settings: SandboxClusterSettings, job: Loose<Job>) => string[],
): Rule<'Job'>['broken'] {
  return (job, settings) =>
    containersOf(job).flatMap((container) =>
      broken(container, settings, job).map((field) => `${container.name ?? '?'}: ${field}`),
    );
}

/** Rules for each container. */
export const containerRules = rulesFor('Job', {
  'container-privileges': [
    'No container has or gains rights. Source: Pod Security Standards, Privileged Containers, Privilege Escalation.',
    ofEach(({ securityContext: context }) =>
      unless({
        privileged: context?.privileged === false,
        allowPrivilegeEscalation: context?.allowPrivilegeEscalation === false,
      }),
    ),
  ],
  'container-capabilities': [
    'No container has capabilities. Source: Pod Security Standards, Restricted, Capabilities.',
    ofEach(({ securityContext: context }) =>
      unless({
        'capabilities.drop': isExactly(context?.capabilities?.drop, ['ALL']),
        capabilities: hasOnly(context?.capabilities, ['drop']),
      }),
    ),
  ],
  'container-root': [
    'The root of every container is read-only.',
    ofEach(({ securityContext: context }) =>
      unless({ readOnlyRootFilesystem: context?.readOnlyRootFilesystem === true }),
    ),
  ],
  'container-user': [
    'No container is root. Source: Pod Security Standards, Restricted, Running as Non-root.',
    ofEach(({ securityContext: context }) =>
      unless({
        runAsNonRoot: context?.runAsNonRoot === true,
        runAsUser: context?.runAsUser === sandboxUid,
        runAsGroup: context?.runAsGroup === sandboxUid,
      }),
    ),
  ],
  'container-seccomp': [
    'System calls of every container are filtered.',
    ofEach(({ securityContext: context }) =>
      unless({
        seccompProfile:
          context?.seccompProfile?.type === 'RuntimeDefault' &&
          hasOnly(context.seccompProfile, ['type']),
      }),
    ),
  ],
  'container-apparmor': [
    'AppArmor holds every container, where nodes have it.',
    ofEach(({ securityContext: context }, { isolation }) =>
      unless({
        appArmorProfile: isolation.appArmor
          ? context?.appArmorProfile?.type === 'RuntimeDefault' &&
            hasOnly(context.appArmorProfile, ['type'])
          : context?.appArmorProfile === undefined,
      }),
    ),
  ],
  'container-proc': [
    '/proc is masked. Source: Pod Security Standards, Baseline, /proc Mount Type.',
    ofEach(({ securityContext: context }) =>
      unless({ procMount: context?.procMount === 'Default' }),
    ),
  ],
  'container-image': [
    'Images are pinned by their digest and come from the known registries.',
    ofEach(({ image = '', imagePullPolicy }, { registries }) =>
      unless({
        image:
          pinnedImagePattern.test(image) &&
          registries.some((registry) => image.startsWith(`${registry}/`)),
        imagePullPolicy: imagePullPolicy === 'IfNotPresent',
      }),
    ),
  ],
  'container-resources': [
    'What is requested is what may be used, of CPU, memory and disk, and of nothing else.',
    ofEach(({ resources }) => {
      const { requests, limits } = resources ?? {};
      const names = ['cpu', 'memory', 'ephemeral-storage'];
      return unless({
        'resources.limits':
          isExactly(Object.keys(limits ?? {}), names) &&
          names.every((name) => quantity(limits?.[name]) > 0),
        'resources.requests': isSame(requests, limits),
        resources: hasOnly(resources, ['requests', 'limits']),
      });
    }),
  ],
  'container-env': [
    'Variables are plain or from the Secret of the attempt: none tells of the node or the cluster, and none of a program speaks to its wrapper.',
    ofEach(({ env }, { wrapper }, { metadata }) =>
      (env ?? []).flatMap((variable) => {
        const { name = '?', value, valueFrom } = variable;
        const from = valueFrom?.secretKeyRef;
        const isOwn =
          hasOnly(valueFrom, ['secretKeyRef']) &&
          hasOnly(from, ['name', 'key', 'optional']) &&
          from?.name === metadata?.name &&
          /^env[.][0-9]+$/.test(from?.key ?? '') &&
          from?.optional === false &&
          (wrapper === null || name.startsWith(wrappedPrefix));
        const isPlain = hasOnly(variable, ['name', 'value']) && value !== undefined;
        return unless({
          [`env.${name}`]: isPlain || (hasOnly(variable, ['name', 'valueFrom']) && isOwn),
        });
      }),
    ),
  ],
  'container-env-masked': [
    'No container is told where the API server is.',
    ofEach(({ env }) =>
      maskedNames.flatMap((name) => {
        const found = env?.find((variable) => variable.name === name);
        return unless({ [`env.${name}`]: found?.value === '' || found?.valueFrom !== undefined });
      }),
    ),
  ],
  'container-env-forge': [
    'Containers are told their job, and where to leave what is to be kept.',
    ofEach(({ name, env }, { gate, egressProxy }, { metadata }) => {
      const values = new Map(env?.map((variable) => [variable.name, variable.value]));
      const is = (variable: string, value: string | undefined): boolean =>
        values.get(variable) === value;
      const jobId = metadata?.annotations?.[annotationNames.jobId];
      const attempt = metadata?.labels?.[labelNames.attempt];
      const isGranted = metadata?.labels?.[labelNames.egress] === 'proxy' && egressProxy !== null;
      const both = {
        FORGE_JOB_ID: is('FORGE_JOB_ID', jobId?.replaceAll('$', '$$$$')),
        FORGE_ARTIFACTS: is('FORGE_ARTIFACTS', folders.artifacts),
      };
      if (name === 'collector') {
        return unless({
          ...both,
          FORGE_ATTEMPT: is('FORGE_ATTEMPT', attempt),
          FORGE_GATE: gate !== null && is('FORGE_GATE', `http://${gate.host}:${gate.port}`),
          FORGE_UPLOAD_TOKEN_FILE: is('FORGE_UPLOAD_TOKEN_FILE', '/forge/upload-token'),
        });
      }
      const isSet = (variable: string): boolean => values.has(variable);
      return unless({
        ...both,
        PATH: isSet('PATH'),
        LANG: isSet('LANG'),
        HOME: isOwnOr(values, env, 'HOME', folders.work),
        TMPDIR: isOwnOr(values, env, 'TMPDIR', folders.tmp),
        HTTPS_PROXY:
          !isGranted ||
          isOwnOr(values, env, 'HTTPS_PROXY', `http://${egressProxy.host}:${egressProxy.port}`),
      });
    }),
  ],
  'container-program': [
    'What is started is the interpreter of a template, behind the wrapper if there is one.',
    ofEach(({ name, command, args, image, workingDir }, settings) => {
      if (name === 'collector') {
        return unless({
          image: image === settings.collector?.image,
          command: isExactly(command, settings.collector?.command ?? []),
          args: args === undefined,
          workingDir: workingDir === folders.artifacts,
        });
      }
      return unless({
        command: isCommandOfTemplate({ command, args, image }, settings),
        workingDir: workingDir === folders.work,
      });
    }),
  ],
  'container-termination': [
    'What a container says at its end is a file of its own, never its output.',
    ofEach(({ terminationMessagePolicy }) =>
      unless({ terminationMessagePolicy: terminationMessagePolicy === 'File' }),
    ),
  ],
  'container-restart': [
    'The collector runs beside the program, the program once.',
    ofEach(({ name, restartPolicy }) =>
      unless({ restartPolicy: restartPolicy === (name === 'collector' ? 'Always' : undefined) }),
    ),
  ],
  'container-nothing-else': [
    'A container has no ports, hooks, probes, devices or other field that is not known here.',
    ofEach((container) =>
      unless({
        spec: hasOnly(container, containerFields),
        securityContext: hasOnly(container.securityContext, securityFields),
      }),
    ),
  ],
});

/** Whether a variable has our value, or one of the spec's own. */
function isOwnOr(
  values: ReadonlyMap<string | undefined, string | undefined>,
  env: Part['env'],
  name: string,
  ours: string,
): boolean {
  const declared = env?.find((variable) => variable.name === name)?.valueFrom !== undefined;
  return declared || values.get(name) === ours;
}

function isCommandOfTemplate(
  { command = [], args = [], image }: Pick<Part, 'command' | 'args' | 'image'>,
  { templates, wrapper }: SandboxClusterSettings,
): boolean {
  const split = wrapper === null ? -1 : command.indexOf('--');
  if (wrapper !== null && (command[0] !== wrapper || !isWrapped(command.slice(1, split)))) {
    return false;
  }
  return jobTemplates.some(({ id }) => {
    const template = templates[id];
    return (
      template?.image === image &&
      command[split + 1] === template?.interpreter &&
      isInterpreted(id, command.slice(split + 2)) &&
      args[0] === `${folders.job}/${sourceFile({ template: id })}`
    );
  });
}

function isWrapped(flags: readonly string[]): boolean {
  const names = flags.map((flag) => /^--([a-z-]+)=[1-9][0-9]{0,8}$/.exec(flag)?.[1]);
  return isExactly(names, wrapperLimits);
}

const wrapperLimits = ['processes', 'open-files', 'timeout-ms', 'grace-ms', 'output-bytes'];

function isInterpreted(template: string, flags: readonly string[]): boolean {
  if (template === 'node')
    return flags.length === 1 && /^--max-old-space-size=[0-9]+$/.test(flags[0] ?? '');
  return isExactly(flags, template === 'python' ? ['-u'] : []);
}

const securityFields = [
  'allowPrivilegeEscalation',
  'privileged',
  'readOnlyRootFilesystem',
  'runAsNonRoot',
  'runAsUser',
  'runAsGroup',
  'capabilities',
  'seccompProfile',
  'procMount',
  'appArmorProfile',
];

const containerFields = [
  'name',
  'image',
  'imagePullPolicy',
  'terminationMessagePolicy',
  'securityContext',
  'restartPolicy',
  'command',
  'args',
  'workingDir',
  'env',
  'resources',
  'volumeMounts',
];
