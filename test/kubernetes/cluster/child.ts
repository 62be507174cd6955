import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ChildCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Where it leaves `<name>.log`, and `<name>.pid` while it runs. */
  readonly folder: string;
}

const graceMs = 2_000;
const restartMs = 200;

/**
 * A process that is started again whenever it ends, until it is stopped: as a
 * kubelet does with the parts of a control plane. It ends with this process,
 * however that ends.
 */
export class KeptChild {
  readonly #what: ChildCommand;
  #child: ChildProcess;
  #isStopped = false;

  constructor(what: ChildCommand) {
    this.#what = what;
    this.#child = this.#start();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await exited;
    clearTimeout(timer);
  }

  #start(): ChildProcess {
    const { name, command, args, folder } = this.#what;
    const log = openSync(join(folder, `${name}.log`), 'a');
    const dying = ['--pdeathsig', 'KILL', '--', command, ...args];
    const child = spawn('/usr/bin/setpriv', dying, { stdio: ['ignore', log, log], cwd: folder });
    closeSync(log);
    child.once('spawn', () => {
      void writeFile(join(folder, `${name}.pid`), String(child.pid));
    });
    child.once('exit', () => {
      void this.#restart();
    });
    return child;
  }

  async #restart(): Promise<void> {
    await sleep(restartMs);
    if (!this.#isStopped) this.#child = this.#start();
  }
}
