import type { ResourceRequirements, Volume, VolumeMount } from '../objects.ts';
import { defaultLimits } from '../../../runner.ts';
import { attemptName } from '../names.ts';
import type { CollectorSettings, SandboxClusterSettings } from '../settings.ts';
import type { AttemptOrder } from './order.ts';
import { folders } from './program.ts';
import { sourceItems, uploadTokenKey } from './secret.ts';

const mib = 1_024 * 1_024;

/** Requested is what may be used: nothing is overbooked, and a second costs the same every time. */
export function mainResources(
  order: AttemptOrder,
  settings: SandboxClusterSettings,
): ResourceRequirements {
  const { outputBytesMax } = { ...defaultLimits, ...order.limits };
  const { work, tmp, artifacts } = diskMib(order, settings);
  // What is printed lies on the node's disk as well, until the kubelet rotates it.
  const ephemeralMib = work + tmp + artifacts + Math.ceil(outputBytesMax / mib);
  const { cpuMillicores, memoryMib } = order;
  return guaranteed({ cpuMillicores, memoryMib, ephemeralMib });
}

export function collectorResources(collector: CollectorSettings): ResourceRequirements {
  return guaranteed(collector);
}

function guaranteed(size: {
  readonly cpuMillicores: number;
  readonly memoryMib: number;
  readonly ephemeralMib: number;
}): ResourceRequirements {
  const quantities = {
    cpu: `${size.cpuMillicores}m`,
    memory: `${size.memoryMib}Mi`,
    'ephemeral-storage': `${size.ephemeralMib}Mi`,
  };
  return { requests: { ...quantities }, limits: { ...quantities } };
}

/** The room of each folder. An order with a smaller disk gets less of each. */
function diskMib(
  { limits }: AttemptOrder,
  { disk }: SandboxClusterSettings,
): { readonly work: number; readonly tmp: number; readonly artifacts: number } {
  const sum = disk.workMib + disk.tmpMib + disk.artifactsMib;
  const share = limits?.diskBytesMax === undefined ? 1 : limits.diskBytesMax / mib / sum;
  const part = (size: number): number => Math.max(1, Math.floor(size * Math.min(1, share)));
  return { work: part(disk.workMib), tmp: part(disk.tmpMib), artifacts: part(disk.artifactsMib) };
}

/** Empty folders, each with its limit, and what the Secret holds. Nothing of the node. */
export function volumesOf(order: AttemptOrder, settings: SandboxClusterSettings): Volume[] {
  const secretName = attemptName(order.key);
  const room = diskMib(order, settings);
  const empty = (name: keyof typeof room): Volume => ({
    name,
    emptyDir: { sizeLimit: `${room[name]}Mi` },
  });
  const token = { key: uploadTokenKey, path: uploadTokenKey, mode: 0o444 };
  const volumes: Volume[] = [
    {
      name: 'job',
      secret: { secretName, items: sourceItems(order), defaultMode: 0o444, optional: false },
    },
    empty('work'),
    empty('tmp'),
    empty('artifacts'),
  ];
  if (order.uploadToken !== undefined) {
    volumes.push({
      name: 'token',
      secret: { secretName, items: [token], defaultMode: 0o444, optional: false },
    });
  }
  return volumes;
}

export function mainMounts(): VolumeMount[] {
  return [
    readOnly('job'),
    { name: 'work', mountPath: folders.work },
    { name: 'tmp', mountPath: folders.tmp },
    { name: 'artifacts', mountPath: folders.artifacts },
  ];
}

/** What the program left, which it may not touch, and its token, which the program does not see. */
export function collectorMounts(): VolumeMount[] {
  return [readOnly('artifacts'), readOnly('token')];
}

function readOnly(name: keyof typeof folders): VolumeMount {
  return {
    name,
    mountPath: folders[name],
    readOnly: true,
    // The runtimes of older nodes cannot make what is mounted below read-only as well.
    recursiveReadOnly: 'IfPossible',
  };
}
