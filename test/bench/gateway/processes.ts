import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import process from 'node:process';

const readyWithinMs = 60_000;
const outputCharactersMax = 2_000;

export interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it said when it was ready. */
  readonly told: string;
}

export interface Program {
  /** Of Node itself. */
  readonly flags?: readonly string[];
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** What it prints when it is ready; the first group is what it tells. */
  readonly ready?: RegExp;
  /** Opens a channel for messages. */
  readonly channel?: boolean;
}

/** Starts a program of Node and waits until it is ready. The error has its last words. */
export async function started(program: Program): Promise<Started> {
  const { flags = [], file, args, cwd, ready = /^ready (.*)$/m, channel = false } = program;
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...(channel ? (['ipc'] as const) : [])];
  const env = { ...process.env, NODE_ENV: 'production', NO_COLOR: '1' };
  const child = spawn(process.execPath, [...flags, file, ...args], { stdio, env, cwd });
  let output = '';
  try {
    const told = await new Promise<string>((resolve, reject) => {
      const late = setTimeout(() => {
        reject(new Error(`${file} was not ready in time: ${output}`));
      }, readyWithinMs);
      child.once('exit', (code) => {
        clearTimeout(late);
        reject(new Error(`${file} ended with ${String(code)}: ${output}`));
      });
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', (chunk: Buffer) => {
          output = (output + chunk.toString()).slice(-outputCharactersMax);
          const [, found] = ready.exec(output) ?? [];
          if (found === undefined) return;
          clearTimeout(late);
          resolve(found);
        });
      }
    });
    return { child, pid: child.pid ?? 0, told };
  } catch (cause) {
    child.kill();
    throw cause;
  }
}

/** CPU time that a process and all below it have used, in milliseconds. */
export async function cpuMs(pid: number): Promise<number> {
  const ticksPerSecond = 100;
  let ticks = 0;
  for (const fields of await treeOf(pid)) ticks += Number(fields[11]) + Number(fields[12]);
  return (ticks * 1_000) / ticksPerSecond;
}

/** The most memory that a process and all below it ever held, in megabytes. */
export async function peakMb(pid: number): Promise<number> {
  let kilobytes = 0;
  for (const { pid: one } of await treeOf(pid)) {
    const status = await readFile(`/proc/${one}/status`, 'utf8').catch(() => '');
    kilobytes += Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return Math.round(kilobytes / 1_024);
}

type Stat = readonly string[] & { readonly pid: number };

/** The fields of /proc/PID/stat behind the name, of a process and all below it. */
async function treeOf(pid: number): Promise<Stat[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const all: Stat[] = await Promise.all(
    names.map(async (name) => {
      const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => ') gone 0');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Object.assign(fields, { pid: Number(name) });
    }),
  );
  const found = all.filter((one) => one.pid === pid);
  for (const parent of found) found.push(...all.filter(([, of]) => Number(of) === parent.pid));
  return found;
}
