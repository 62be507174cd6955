import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';

const dist = join(import.meta.dirname, '../../dist/test/support');
const compileCache = join(import.meta.dirname, '../../node_modules/.cache/compile');

/** How a process came to its end. */
export interface Death {
  readonly who: string;
  readonly how: string;
  /** What it said first. */
  readonly said: string;
}

/** Processes that are started again whenever they end. */
export class Crew {
  readonly deaths: Death[] = [];
  readonly #env: NodeJS.ProcessEnv;
  readonly #logFile: string;
  readonly #onDeath: (death: Death) => void;
  readonly #living = new Map<string, ChildProcess>();
  readonly #readyAt = new Map<string, number>();
  #paused: PromiseWithResolvers<undefined> | undefined;
  #over = false;
  readonly #keeping: Promise<void>[] = [];

  /** What they say is added to a file; each death is told. */
  constructor(
    env: Readonly<Record<string, string>>,
    logFile: string,
    onDeath: (death: Death) => void,
  ) {
    this.#logFile = logFile;
    this.#onDeath = onDeath;
    this.#env = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: compileCache, ...env };
  }

  /** Keeps a program of test/support alive; resolves once it first says that it is ready. */
  async keep(who: string, program: string, args: readonly string[] = []): Promise<void> {
    const ready = Promise.withResolvers<undefined>();
    this.#keeping.push(
      (async () => {
        while (!this.#over) {
          await this.#paused?.promise;
          await this.#live(who, [join(dist, program), ...args], () => {
            ready.resolve(undefined);
          });
          // One that did not even begin is not worth trying again at once.
          await wait(this.deaths.at(-1)?.how === 'SIGKILL' ? 20 : 1_000);
        }
      })(),
    );
    await ready.promise;
  }

  async #live(who: string, args: string[], onReady: () => void): Promise<void> {
    const child = spawn(process.execPath, args, {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#living.set(who, child);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        if (text.startsWith('ready')) {
          this.#readyAt.set(who, performance.now());
          onReady();
        }
        said = `${said}${text}`.slice(0, 4_000);
        appendFileSync(this.#logFile, text);
      });
    }
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    this.#living.delete(who);
    this.#readyAt.delete(who);
    const death = { who, how: signal ?? String(code), said };
    this.deaths.push(death);
    if (!this.#over) this.#onDeath(death);
  }

  /** For how long one has been ready; 0 if it is not. */
  readyForMs(who: string): number {
    const at = this.#readyAt.get(who);
    return at === undefined ? 0 : performance.now() - at;
  }

  /** Kills one that lives. False if it does not. */
  kill(who: string): boolean {
    return this.#living.get(who)?.kill('SIGKILL') ?? false;
  }

  /** Kills all, and starts none again until what is done meanwhile is done. */
  async killAll(meanwhile: () => Promise<void>): Promise<void> {
    this.#paused = Promise.withResolvers();
    for (const child of this.#living.values()) child.kill('SIGKILL');
    await meanwhile();
    this.#paused.resolve(undefined);
    this.#paused = undefined;
  }

  /** Asks all to end. */
  async end(): Promise<void> {
    this.#over = true;
    for (const child of this.#living.values()) child.kill('SIGTERM');
    await Promise.race([Promise.all(this.#keeping), wait(15_000)]);
    for (const child of this.#living.values()) child.kill('SIGKILL');
    await Promise.all(this.#keeping);
  }
}

/** Processes whose command line holds a text. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (command.includes(text) && Number(name) !== process.pid) found.push(Number(name));
  }
  return found;
}

/** The processes whose command line holds a text, and all that they started. */
export async function familyOf(text: string): Promise<number[]> {
  const children = new Map<number, number[]>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const family = await processesWith(text);
  for (const member of family) family.push(...(children.get(member) ?? []));
  return [...new Set(family)];
}

/** Sends a signal to a process and its children; one that has ended meanwhile needs none. */
export async function signalFamily(text: string, signal: NodeJS.Signals): Promise<void> {
  for (const pid of await familyOf(text)) {
    try {
      process.kill(pid, signal);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
    }
  }
}
