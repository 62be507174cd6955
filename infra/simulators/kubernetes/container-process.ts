import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerLog } from './container-log.ts';
import type { Stop } from './kubelet.ts';
import type { Container, DataObject, Pod } from './objects.ts';
import type { ObjectStore } from './object-store.ts';
import type { End, PodHandle } from './pod-handle.ts';
import { resources } from './resources.ts';

/** Where a container runs. */
export interface Place {
  readonly folder: string;
  readonly volumes: ReadonlyMap<string, string>;
  readonly files: Readonly<Record<string, string>>;
  readonly store: ObjectStore;
}

/** Runs a container to its end. `onStart` is told of its first process. */
export async function run(
  handle: PodHandle,
  container: Container,
  place: Place,
  stop: Stop,
  onStart: (child: ChildProcess) => void = () => undefined,
): Promise<End> {
  const own = join(place.folder, container.name);
  await mkdir(own, { recursive: true });
  const termination = join(own, 'termination-log');
  await writeFile(termination, '');
  await chmod(termination, 0o666);
  const root = join(own, 'root');
  await mkdir(root, { recursive: true });
  const script = scriptOf(root, container, place, termination);
  const words = [...environmentOf(handle.pod, container, place.store), ...commandOf(container)];
  const isolation = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private'];
  const rights = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const child = spawn(
    '/usr/bin/unshare',
    [...isolation, ...rights, 'sh', '-c', script, 'sh', ...words],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: '/',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    },
  );
  keepLines(child, handle.log(container.name));
  handle.running(container.name);
  onStart(child);
  const exited = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once('close', (code, signal) => {
      resolve([code, signal]);
    });
    child.once('error', () => {
      resolve([128, null]);
    });
  });
  const over = new AbortController();
  const killed = end(child, stop, over);
  const [code, signal] = await exited;
  over.abort();
  const message = await readFile(termination, 'utf8');
  const ended = code ?? 128 + (signal ? constants.signals[signal] : 0);
  // `unshare` cannot end by the signal that nobody can handle, and says 1.
  const exitCode = (await killed) ? 128 + constants.signals.SIGKILL : ended;
  return { exitCode, ...(message !== '' && { message: message.slice(0, 4_096) }) };
}

/**
 * SIGTERM when the pod is to go, SIGKILL when its grace is over, which may get
 * shorter meanwhile. Gives whether it came to that.
 */
async function end(child: ChildProcess, stop: Stop, over: AbortController): Promise<boolean> {
  const isOver = (): boolean => over.signal.aborted;
  const isAsked = (): boolean => stop.signal.aborted;
  while (!isAsked() && !isOver()) await sleep(5);
  if (isOver()) return false;
  await signalFirst(child, 'SIGTERM');
  for (const since = Date.now(); !isOver() && Date.now() - since < stop.graceMs();) await sleep(5);
  if (isOver()) return false;
  while (!isOver()) {
    await signalFirst(child, 'SIGKILL');
    await sleep(5);
  }
  return true;
}

async function signalFirst(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const first = await firstProcess(child);
  try {
    if (first !== undefined) process.kill(first, signal);
  } catch {
    // It has just ended.
  }
}

/** The first process of the container is the child of `unshare`. */
export async function firstProcess({ pid }: ChildProcess): Promise<number | undefined> {
  if (pid === undefined) return undefined;
  const path = `/proc/${pid}/task/${pid}/children`;
  const [first] = (await readFile(path, 'utf8').catch(() => '')).trim().split(' ');
  return first ? Number(first) : undefined;
}

function keepLines({ stdout, stderr }: ChildProcess, log: ContainerLog): void {
  for (const stream of [stdout, stderr]) {
    let rest = Buffer.alloc(0);
    stream?.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (let feed = rest.indexOf(10); feed >= 0; feed = rest.indexOf(10)) {
        log.append(rest.subarray(0, feed + 1));
        rest = rest.subarray(feed + 1);
      }
    });
    stream?.on('end', () => {
      if (rest.length > 0) log.append(rest);
    });
  }
}

function commandOf({ command = [], args = [] }: Container): string[] {
  // As the kubelet does with what is no reference to a variable.
  return [...command, ...args].map((word) => word.replaceAll('$$', '$'));
}

function environmentOf({ metadata }: Pod, { env = [] }: Container, store: ObjectStore): string[] {
  return env.map(({ name, value = '', valueFrom }) => {
    const from = valueFrom?.secretKeyRef;
    if (!from) return `${name}=${value.replaceAll('$$', '$')}`;
    const secret = store.get(resources.secrets, metadata.namespace, from.name) as DataObject;
    return `${name}=${(dataOf(secret).get(from.key) ?? '').toString()}`;
  });
}

function scriptOf(
  root: string,
  { volumeMounts = [] }: Container,
  { volumes, files }: Place,
  termination: string,
): string {
  const bind = (source: string, target: string): string[] => [
    `mkdir -p ${quoted(join(root, dirname(target)))}`,
    `touch ${quoted(join(root, target))}`,
    `mount --bind ${quoted(source)} ${quoted(join(root, target))}`,
  ];
  const devices = ['null', 'zero', 'random', 'urandom'].map((name) => `/dev/${name}`);
  const isRoot = process.getuid?.() === 0;
  return [
    'set -e',
    `mount -t tmpfs none ${quoted(root)}`,
    `cd ${quoted(root)}`,
    'chmod 755 .',
    'mkdir usr proc dev etc tmp',
    'chmod 1777 tmp',
    'mount --rbind /usr usr',
    'for one in bin sbin lib lib64; do',
    '  if [ -L /$one ]; then ln -s usr/$one $one; elif [ -d /$one ]; then mkdir $one; mount --bind /$one $one; fi',
    'done',
    'mount -t proc proc proc',
    ...devices.flatMap((path) => bind(path, path)),
    ...bind(termination, '/dev/termination-log'),
    ...Object.entries(files).flatMap(([target, source]) => bind(source, target)),
    ...volumeMounts.flatMap(({ name, mountPath, readOnly }) => {
      const target = quoted(join(root, mountPath));
      const source = quoted(volumes.get(name) ?? '/nowhere');
      const seal = readOnly ? [`mount -o remount,bind,ro ${target}`] : [];
      return [`mkdir -p ${target}`, `mount --bind ${source} ${target}`, ...seal];
    }),
    `exec chroot ${isRoot ? '--userspec=65532:65532 ' : ''}. /usr/bin/env -i "$@"`,
  ].join('\n');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** What a Secret or a config map holds. */
export function dataOf({ kind, data = {}, stringData = {} }: DataObject): Map<string, Buffer> {
  const encoding = kind === 'Secret' ? 'base64' : 'utf8';
  return new Map([
    ...Object.entries(data).map(([key, text]) => [key, Buffer.from(text, encoding)] as const),
    ...Object.entries(stringData).map(([key, text]) => [key, Buffer.from(text)] as const),
  ]);
}
