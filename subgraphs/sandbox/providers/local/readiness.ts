import { constants } from 'node:fs';
import { access, mkdir, realpath, stat, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TemplateId } from '../../domain/job-template.ts';
import type { RunnerCheck } from '../runner.ts';
import { folderAt, readText } from './attempt-folder.ts';
import { writeOrder } from './order-file.ts';
import type { Interpreters, UserRange } from './order-file.ts';
import { removeAttempt } from './remove.ts';
import { lookAt } from './sight.ts';
import { readSupervisor, startSupervisor } from './supervisor.ts';
import type { SupervisorExit } from './supervisor.ts';

export interface Machine {
  readonly root: string;
  readonly perl: string;
  readonly nodeBinary: string;
  readonly users: UserRange;
}

export type Readiness =
  | (Extract<RunnerCheck, { kind: 'ready' }> & { readonly interpreters: Interpreters })
  | Extract<RunnerCheck, { kind: 'unavailable' }>;

/**
 * Says whether programs can be isolated here, by isolating one: no list of
 * requirements is as true as that.
 */
export async function checkMachine(machine: Machine): Promise<Readiness> {
  if (process.platform !== 'linux') {
    return unavailable(`Programs are isolated by Linux; this is ${process.platform}.`);
  }
  if (!(await isExecutable(machine.perl))) {
    return unavailable(`${machine.perl} is missing. Install it: apt-get install perl-base.`);
  }
  const interpreters = await findInterpreters(machine);
  if (interpreters.shell === undefined) return unavailable('/bin/sh is missing.');

  const probe = await runProbe(machine, interpreters);
  if (probe.failure !== undefined) {
    return unavailable([probe.failure, ...(await hints())].join(' '));
  }
  const templates = (['node', 'python', 'shell'] as const satisfies TemplateId[]).filter(
    (id) => interpreters[id] !== undefined,
  );
  return { kind: 'ready', templates, interpreters, ...strength(probe) };
}

const unavailable = (message: string) => ({ kind: 'unavailable', message }) as const;

interface Probe {
  readonly failure?: string | undefined;
  readonly uid: number | null;
  readonly version: number;
  readonly groups: readonly string[];
}

async function runProbe(machine: Machine, interpreters: Interpreters): Promise<Probe> {
  const folder = folderAt(join(machine.root, 'drafts', randomUUID()));
  await mkdir(folder.path, { recursive: true, mode: 0o700 });
  const { users } = machine;
  const order = writeOrder(
    {
      key: { jobId: 'probe', attempt: 1 },
      tenantId: 'probe',
      template: 'shell',
      source: 'exit 0',
      args: [],
      env: [],
      timeoutSeconds: 10,
      cpuMillicores: 1_000,
      memoryMib: 32,
    },
    { interpreters, users, group: folder.group },
  );
  await writeFile(join(folder.path, 'order'), order, { mode: 0o600 });
  try {
    const exit = await inTime(startSupervisor(machine.perl, folder));
    const sight = await lookAt(folder);
    const written = (await readSupervisor(folder)) ?? { uid: null, version: 1, groups: [] };
    if (sight.kind === 'ended' && sight.verdict.exitCode === 0) return written;
    const refusal = sight.kind === 'refused' ? sight.message : JSON.stringify(sight);
    const failure = exit.kind === 'died' ? `${exit.message} ${refusal}` : refusal;
    return { ...written, failure: `Programs cannot be isolated on this machine: ${failure}` };
  } finally {
    await removeAttempt(machine.root, folder);
  }
}

/** Holds this process open until then, which a supervisor does not. */
async function inTime(exit: Promise<SupervisorExit>): Promise<SupervisorExit> {
  const over = new AbortController();
  const late = sleep(probeMsMax, undefined, { signal: over.signal }).then(
    () => ({ kind: 'died', message: 'It took too long.' }) as const,
  );
  try {
    return await Promise.race([exit, late]);
  } finally {
    over.abort();
    await late.catch(() => undefined);
  }
}

const probeMsMax = 15_000;

function strength({ uid, version, groups }: Probe): { enforced: string[]; weaker: string[] } {
  const cgroup = `cgroup v${String(version)}`;
  const has = (name: string): boolean => groups.includes(name);
  const enforced = [
    'Own user, mount, process, network, IPC, UTS and cgroup namespaces; no network.',
    'No capabilities, no_new_privs, a seccomp filter.',
    'A read-only file tree; what can be written to is a file system of limited size.',
    'Wall time, file size, open files and output by limits of the supervisor and the kernel.',
  ];
  const weaker: string[] = [];
  const say = (name: string, held: string, otherwise: string): void => {
    if (has(name)) enforced.push(`${held} by ${cgroup}.`);
    else weaker.push(otherwise);
  };
  if (uid === null) {
    weaker.push('Programs have the user id of this process, as only root can give them others.');
  } else {
    enforced.push('A user id of its own for each program, which nobody else has.');
  }
  const remedy = 'Run as root, or with a delegated cgroup (systemd: Delegate=yes), to change that.';
  say('memory', 'Memory', `Memory is watched every 20 ms, not capped by the kernel. ${remedy}`);
  say('pids', 'Processes', `Processes are limited by RLIMIT_NPROC only. ${remedy}`);
  say('cpu', 'CPU', `CPU is not shared out, only its total time is limited. ${remedy}`);
  return { enforced, weaker };
}

/** Only what lies on the system's own paths: nothing else is visible inside. */
async function findInterpreters({ nodeBinary }: Machine): Promise<Interpreters> {
  const python = ['/usr/bin/python3', '/usr/local/bin/python3'];
  const first = async (paths: readonly string[]): Promise<string | undefined> => {
    for (const path of paths) {
      const target = await realpath(path).catch(() => undefined);
      if (target?.startsWith('/usr/') && (await isExecutable(target))) return path;
    }
    return undefined;
  };
  const binary = await realpath(nodeBinary).catch(() => undefined);
  return {
    node: binary !== undefined && (await isExecutable(binary)) ? binary : undefined,
    python: await first(python),
    shell: (await isExecutable('/bin/sh')) ? '/bin/sh' : undefined,
  };
}

/** For everybody, as programs run as somebody else. */
async function isExecutable(path: string): Promise<boolean> {
  const isMine = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  return isMine && ((await stat(path)).mode & 0o005) === 0o005;
}

/** What is known to keep machines from making namespaces, and how to change it. */
async function hints(): Promise<string[]> {
  const values = await Promise.all(
    switches.map(async ({ path, off, remedy }) => {
      const value = (await readText(path).catch(() => undefined))?.trim();
      return value === off ? [remedy] : [];
    }),
  );
  const found = values.flat();
  return found.length > 0 ? found : [containerHint];
}

const switches = [
  {
    path: '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
    off: '1',
    remedy:
      'AppArmor keeps user namespaces from ordinary users (Ubuntu 23.10 and later): sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with "userns," for perl.',
  },
  {
    path: '/proc/sys/kernel/unprivileged_userns_clone',
    off: '0',
    remedy:
      'User namespaces are kept from ordinary users: sysctl kernel.unprivileged_userns_clone=1.',
  },
  {
    path: '/proc/sys/user/max_user_namespaces',
    off: '0',
    remedy: 'User namespaces are switched off: sysctl user.max_user_namespaces=10000.',
  },
] as const;

const containerHint =
  'In a container, its seccomp profile and its masked /proc forbid this: run Forge on the machine itself, or use the Kubernetes runner.';
