import { execFile } from 'node:child_process';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Log } from '../../subgraphs/shared/log.ts';
import { sleep } from '../../subgraphs/shared/time.ts';

/**
 * What a server is called by, in its command line: who started it, and on which
 * data. Ids of processes are given again, so an id alone proves nothing.
 */
export async function serverTitle(folder: string): Promise<string> {
  return `${await titleOf(folder)}.by.${process.pid}`;
}

const lookAgainMs = 20;

/**
 * Ends a server that an earlier start has left on the folder when it was killed.
 *
 * Throws when whoever started that server still lives: two of us on one folder
 * would be one too many. A note of a server that is gone is removed, also when
 * another process has been given its id.
 */
export async function endPreviousServer(
  folder: string,
  { log, until }: { readonly log: Log; readonly until: number },
): Promise<void> {
  const title = await titleOf(folder);
  const began = Date.now();
  for (let told = false; ;) {
    const pid = await notedPid(folder);
    if (pid === undefined) return;
    const found = isAlive(pid) ? await processOf(pid) : undefined;
    const [, starter] = found?.command.split(`${title}.by.`) ?? [];
    if (!found || starter === undefined) {
      await rm(join(folder, 'postmaster.pid'), { force: true });
      return;
    }
    if (found.parent === Number.parseInt(starter, 10)) {
      throw new Error(
        `Process ${found.parent} runs a database on ${folder}. ` +
          'Stop it first, or set FORGE_DATA_DIR to another folder.',
      );
    }
    if (Date.now() > until) throw new Error(`The Postgres with process id ${pid} does not end.`);
    if (!told) log.warn({ pid }, 'a database server is left from an earlier start and is stopped');
    told = true;
    end(pid, Date.now() - began > (until - began) / 2 ? 'SIGQUIT' : 'SIGINT');
    await sleep(lookAgainMs);
  }
}

async function titleOf(folder: string): Promise<string> {
  const { dev, ino } = await stat(folder);
  return `forge.${dev}.${ino}`;
}

async function notedPid(folder: string): Promise<number | undefined> {
  const note = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(note, 10);
  return pid > 0 ? pid : undefined;
}

async function processOf(
  pid: number,
): Promise<{ readonly parent: number; readonly command: string } | undefined> {
  if (process.platform === 'linux') {
    const [status, command] = await Promise.all(
      ['stat', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    );
    // The name in brackets may hold anything; the state and the parent follow it.
    const parent = status?.slice(status.lastIndexOf(')') + 1).split(' ')[2];
    return { parent: Number(parent), command: command ?? '' };
  }
  const asked = ['-ww', '-o', 'ppid=,command=', '-p', String(pid)];
  const { stdout } = await promisify(execFile)('ps', asked).catch(() => ({ stdout: '' }));
  return stdout === '' ? undefined : { parent: Number.parseInt(stdout, 10), command: stdout };
}

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Whether there is a process of this id, ours or not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
