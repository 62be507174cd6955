import { folders } from '../attempt/program.ts';
import { uploadTokenKey } from '../attempt/secret.ts';
import { jobTemplates } from '../../../../domain/job-template.ts';
import type { Job, Loose, Volume } from '../objects.ts';
import { containersOf, ofEach } from './container.ts';
import { quantity } from './quantity.ts';
import { hasOnly, isExactly, rulesFor, unless } from './rule.ts';
import type { Rule } from './rule.ts';

/** A rule that looks at each volume of a Job's pod. */
function ofVolumes(
  broken: (volume: Loose<Volume>, job: Loose<Job>) => string[],
): Rule<'Job'>['broken'] {
  return (job) =>
    volumesOf(job).flatMap((volume) =>
      broken(volume, job).map((field) => `volume ${volume.name ?? '?'}: ${field}`),
    );
}

function volumesOf({ spec }: Loose<Job>): Loose<Volume>[] {
  return spec?.template?.spec?.volumes ?? [];
}

/** Rules for what a pod mounts. */
export const volumeRules = rulesFor('Job', {
  'volume-kinds': [
    'Volumes are empty folders and Secrets: nothing of the node, no claim, no token.',
    ofVolumes((volume) =>
      unless({
        source:
          hasOnly(volume, ['name', 'emptyDir']) !== hasOnly(volume, ['name', 'secret']) &&
          Object.keys(volume).length === 2,
        emptyDir: volume.emptyDir === undefined || hasOnly(volume.emptyDir, ['sizeLimit']),
      }),
    ),
  ],
  'volume-limits': [
    'Each empty folder has a limit, and all of them fit into the disk of the program.',
    (job) => {
      const sizes = volumesOf(job).flatMap(({ emptyDir }) =>
        emptyDir === undefined ? [] : [quantity(emptyDir.sizeLimit)],
      );
      const main = containersOf(job).find(({ name }) => name === 'main');
      const room = quantity(main?.resources?.limits?.['ephemeral-storage']);
      const sum = sizes.reduce((all, size) => all + size, 0);
      return unless({ sizeLimit: sizes.every((size) => size > 0) && sum > 0 && sum <= room });
    },
  ],
  'volume-secrets': [
    'From the Secret of the attempt the program gets its source, the collector its token: no more.',
    ofVolumes(({ name, secret }, { metadata }) => {
      if (secret === undefined) return [];
      const [item] = secret.items ?? [];
      const isSource =
        item?.key === 'source' && jobTemplates.some(({ file }) => file === item.path);
      const isToken = item?.key === uploadTokenKey && item.path === uploadTokenKey;
      return unless({
        secret: hasOnly(secret, ['secretName', 'items', 'defaultMode', 'optional']),
        'secret.secretName': secret.secretName === metadata?.name,
        'secret.items': secret.items?.length === 1 && (name === 'token' ? isToken : isSource),
        'secret.items[0]': hasOnly(item, ['key', 'path', 'mode']) && item?.mode === 0o444,
        'secret.defaultMode': secret.defaultMode === 0o444,
        'secret.optional': secret.optional === false,
      });
    }),
  ],
  'volume-mounts': [
    'Each container sees the folders that it needs, and writes to no other.',
    ofEach(({ name, volumeMounts }) => {
      const wanted = name === 'collector' ? collectorFolders : mainFolders;
      const found = volumeMounts?.map((mount) => mount.name);
      const wrong = (volumeMounts ?? []).flatMap((mount) => {
        const folder = mount.name as keyof typeof folders;
        const isReadOnly = wanted[folder] === 'read';
        return unless({
          [`volumeMounts.${folder}`]:
            mount.mountPath === folders[folder] &&
            hasOnly(mount, ['name', 'mountPath', 'readOnly', 'recursiveReadOnly']) &&
            (mount.readOnly ?? false) === isReadOnly &&
            mount.recursiveReadOnly === (isReadOnly ? 'IfPossible' : undefined),
        });
      });
      return [...unless({ volumeMounts: isExactly(found, Object.keys(wanted)) }), ...wrong];
    }),
  ],
  'volume-mounted': [
    'Whatever is a volume is mounted, and whatever is mounted is one.',
    (job) => {
      const mounted = containersOf(job).flatMap(({ volumeMounts }) =>
        (volumeMounts ?? []).map(({ name }) => name),
      );
      const volumes = volumesOf(job).map(({ name }) => name ?? '?');
      return unless({ volumes: isExactly([...new Set(mounted)], volumes) });
    },
  ],
});

const mainFolders: Partial<Record<keyof typeof folders, 'read' | 'write'>> = {
  job: 'read',
  work: 'write',
  tmp: 'write',
  artifacts: 'write',
};

const collectorFolders: typeof mainFolders = { artifacts: 'read', token: 'read' };
