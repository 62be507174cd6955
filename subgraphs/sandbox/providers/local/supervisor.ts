import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isSupervised, readText } from './attempt-folder.ts';
import type { AttemptFolder } from './attempt-folder.ts';

const program = fileURLToPath(new URL('./supervisor.pl', import.meta.url));

/** What a supervisor says with its exit code when another one has the attempt. */
const takenCode = 75;

export type SupervisorExit =
  | { readonly kind: 'taken' }
  | { readonly kind: 'done' }
  | { readonly kind: 'died'; readonly message: string };

/**
 * Starts a supervisor for the attempt in a folder. It belongs to itself: it
 * goes on when this process ends, however that happens. If the attempt has one
 * already, or has had one, the new one leaves at once. Gives its exit.
 */
export async function startSupervisor(
  perl: string,
  folder: AttemptFolder,
): Promise<SupervisorExit> {
  const log = await open(join(folder.path, 'supervisor.log'), 'a', 0o600);
  const child = spawn(perl, [program, folder.path], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    cwd: '/',
  });
  child.unref();
  const exit = new Promise<SupervisorExit>((resolve) => {
    child.once('error', (error) => {
      resolve({ kind: 'died', message: error.message });
    });
    child.once('exit', (code, signal) => {
      if (code === 0) resolve({ kind: 'done' });
      else if (code === takenCode) resolve({ kind: 'taken' });
      else void died(folder, code, signal).then(resolve);
    });
  });
  await log.close();
  return await exit;
}

async function died(
  folder: AttemptFolder,
  code: number | null,
  signal: string | null,
): Promise<SupervisorExit> {
  const said = (await readText(join(folder.path, 'supervisor.log')).catch(() => undefined)) ?? '';
  const how = signal ?? `exit code ${String(code)}`;
  return { kind: 'died', message: `The supervisor died (${how}). ${said.slice(-2_000)}`.trim() };
}

/**
 * Ends the attempt in a folder and comes back when nothing of it runs any more:
 * first by asking its supervisor, then, if that hangs, by ending it.
 */
export async function endEverything(folder: AttemptFolder, signal?: AbortSignal): Promise<void> {
  const give = Date.now() + politeMsMax;
  while (await isSupervised(folder, 'X')) {
    if (Date.now() > give) await kill(folder, 'pid', 'startTime');
    await sleep(5, undefined, signal && { signal });
  }
  // The kernel ends the program with its supervisor; that takes a moment.
  while (await isProcess(folder, 'initPid', 'initStartTime')) {
    if (Date.now() > give) await kill(folder, 'initPid', 'initStartTime');
    await sleep(5, undefined, signal && { signal });
  }
}

const politeMsMax = 3_000;

interface Written {
  readonly pid: number;
  readonly startTime: number;
  readonly initPid: number;
  readonly initStartTime: number;
  readonly bootId: string;
  readonly uid: number | null;
  readonly version: number;
  readonly groups: readonly string[];
}

/** What the supervisor wrote about itself. */
export async function readSupervisor(folder: AttemptFolder): Promise<Written | undefined> {
  const text = await readText(join(folder.path, 'supervisor'));
  return text === undefined ? undefined : (JSON.parse(text) as Written);
}

type PidName = 'pid' | 'initPid';
type TimeName = 'startTime' | 'initStartTime';

async function kill(folder: AttemptFolder, pid: PidName, time: TimeName): Promise<void> {
  const number = await isProcess(folder, pid, time);
  if (number) process.kill(number, 'SIGKILL');
}

/** The id of the process if it is the one that was written down, and not another with its number. */
async function isProcess(
  folder: AttemptFolder,
  pid: PidName,
  time: TimeName,
): Promise<number | undefined> {
  const written = await readSupervisor(folder);
  if (!written?.[pid]) return undefined;
  const boot = (await readText('/proc/sys/kernel/random/boot_id'))?.trim();
  if (boot !== written.bootId) return undefined;
  const stat = await readText(`/proc/${String(written[pid])}/stat`).catch(() => undefined);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  const isAlive = fields[0] !== undefined && !'ZX'.includes(fields[0]);
  return isAlive && Number(fields[19]) === written[time] ? written[pid] : undefined;
}
