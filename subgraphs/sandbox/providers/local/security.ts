import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecurityProfile } from '../../domain/security.ts';
import type { AttemptFolder } from './attempt-folder.ts';
import { numberIn } from './order-file.ts';
import { readSupervisor } from './supervisor.ts';

/**
 * Tells what holds an attempt from what its supervisor wrote down when it had
 * put it in place: it starts no program otherwise. Undefined before that.
 */
export async function securityIn(folder: AttemptFolder): Promise<SecurityProfile | undefined> {
  const written = await readSupervisor(folder);
  const order = await readFile(join(folder.path, 'order')).catch(() => undefined);
  if (!written) return undefined;
  const { uid, version, groups } = written;
  const policies = [
    uid === null ? 'user/of-the-worker' : 'user/own',
    'capabilities/none',
    ...['memory', 'pids', 'cpu'].map((name) =>
      groups.includes(name) ? `cgroup-v${String(version)}/${name}` : `watched/${name}`,
    ),
  ];
  const held = {
    isolation: 'NAMESPACES',
    runtimeClass: null,
    seccomp: 'forge',
    userNamespace: true,
    readOnlyRoot: true,
    privileged: false,
    clusterToken: false,
    egress: 'NONE',
    processesMax: (order && numberIn(order, 'processesMax')) ?? null,
    policies,
  } as const;
  const profile = createHash('sha256').update(JSON.stringify(held)).digest('hex');
  return { ...held, profile };
}
