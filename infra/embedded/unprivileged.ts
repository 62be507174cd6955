import { spawn } from 'node:child_process';
import type { SpawnOptions } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** A real user of the machine, other than root. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** `nobody` on every Linux: owns nothing, and no job of the sandbox runs as this user. */
export const nobody: User = { uid: 65_534, gid: 65_534 };

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * How a server program is spawned: as the user that is given, or as ourselves
 * without one.
 *
 * The user is a real one, never root under another name of a user namespace:
 * that would keep root's rights over files. Nothing of our environment is handed
 * on, because it holds secrets.
 */
export function spawnOptions(user: User | undefined, cwd: string): SpawnOptions {
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  return { cwd, env, ...user };
}

const runMsMax = 60_000;

/** Runs a program to its end. Throws with what it said when it fails. */
export async function run(
  program: string,
  args: readonly string[],
  options: SpawnOptions,
  input = '',
): Promise<void> {
  const child = spawn(program, args, { ...options, stdio: 'pipe' });
  const late = setTimeout(() => child.kill('SIGKILL'), runMsMax);
  const ended = Promise.withResolvers<string | undefined>();
  child.on('error', (error) => {
    ended.resolve(error.message);
  });
  child.on('close', (code, signal) => {
    ended.resolve(code === 0 ? undefined : `it ended with ${String(code ?? signal)}`);
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [failure, out, err] = await Promise.all([
    ended.promise,
    text(child.stdout),
    text(child.stderr),
  ]);
  clearTimeout(late);
  if (failure === undefined) return;
  const said = `${out}\n${err}`.trim().slice(-2_000);
  throw new Error(`${program} failed: ${failure}.${said === '' ? '' : `\n${said}`}`);
}
