import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Log } from '../../subgraphs/shared/log.ts';
import { sleep } from '../../subgraphs/shared/time.ts';
import { dataFolderFor, openCluster, product } from './postgres-cluster.ts';
import type { Cluster } from './postgres-cluster.ts';
import { endPreviousServer, serverTitle } from './postgres-previous.ts';
import { spawnOptions } from './unprivileged.ts';

export interface PostgresOptions {
  /** Data goes to `<dataDir>/postgres`, what the server says to `<dataDir>/postgres.log`. */
  readonly dataDir: string;
  readonly log: Log;
  /** Any free one without it. */
  readonly port?: number;
  /** False for tests: faster, and whatever was written may be lost with the machine. */
  readonly durable?: boolean;
}

export interface Postgres {
  /** The product's own database, as the product's own role. Holds the password. */
  readonly url: string;
  /** Ends all connections and the server. What was committed stays. */
  stop(): Promise<void>;
  /** Calls back when the server ends without having been asked to. */
  onExit(callback: (why: string) => void): void;
}

const startMsMax = 20_000;
const tryAgainMs = 200;

/**
 * Runs a Postgres server, with its data kept from one start to the next.
 *
 * It listens on 127.0.0.1 only, and lets in who knows the password, which is made
 * with the data. It ends when we do, however we end. Whatever a killed start or a
 * killed server has left is cleared away, and committed data is there again.
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { dataDir, log } = options;
  const began = Date.now();
  const until = began + startMsMax;
  const cluster = await openCluster(dataDir);
  const logFile = join(dataDir, 'postgres.log');
  for (;;) {
    await endPreviousServer(cluster.folder, { log, until });
    const port = options.port ?? (await freePort());
    const launched = await launch(cluster, port, { logFile, durable: options.durable ?? true });
    const failure = await readiness(launched, cluster.folder, until);
    if (failure === undefined) {
      log.info({ port, ms: Date.now() - began }, 'the database is ready');
      return running(launched.server, urlOf(port, cluster.password), log);
    }
    launched.server.kill('SIGQUIT');
    if (!passing.test(failure) || Date.now() > until) {
      throw new Error(`Postgres does not start. It says, in ${logFile}:\n${failure}`);
    }
    await sleep(tryAgainMs);
  }
}

/**
 * What goes by: processes of a killed server that still end, or a port that was
 * free a moment ago. Anything else is told at once.
 */
const passing = /shared memory block|lock file|could not bind|not ready in time/;

interface Launched {
  readonly server: ChildProcess;
  readonly ended: Promise<string>;
  /** What the server said since this launch. */
  readonly said: () => Promise<string>;
}

async function launch(
  { folder, programs, user }: Cluster,
  port: number,
  { logFile, durable }: { readonly logFile: string; readonly durable: boolean },
): Promise<Launched> {
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=120',
    'timezone=UTC',
    'log_timezone=UTC',
    'log_destination=stderr',
    'log_checkpoints=off',
    `cluster_name=${await serverTitle(folder)}`,
    ...(durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']),
  ].flatMap((setting) => ['-c', setting]);
  const output = await openLogFile(logFile);
  const from = (await output.stat()).size;
  const server = spawn(
    join(programs, 'bin/postgres'),
    ['-D', dataFolderFor(folder, user), ...settings],
    {
      ...spawnOptions(user, folder),
      // In a group of its own: Ctrl-C is for us, who end it when nobody needs it any more.
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
    },
  );
  server.unref();
  const ended = new Promise<string>((resolve) => {
    server.once('error', (error) => {
      resolve(error.message);
    });
    server.once('exit', (code, signal) => {
      resolve(`it ended with ${String(code ?? signal)}`);
    });
  });
  await output.close();
  guard(server, spawnOptions(user, '/'));
  return { server, ended, said: async () => (await readFile(logFile)).toString('utf8', from) };
}

/** Ends the server when our end of a pipe is closed, which the system does however we die. */
function guard(server: ChildProcess, options: object): void {
  if (server.pid === undefined) return;
  const script = 'read -r _; kill -INT "$0"';
  const watching = spawn('/bin/sh', ['-c', script, String(server.pid)], {
    ...options,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watching.on('error', () => undefined);
  watching.unref();
  (watching.stdin as unknown as { unref(): void }).unref();
  server.once('exit', () => {
    watching.kill('SIGKILL');
  });
}

const logBytesMax = 16 * 1024 * 1024;

/** Opens the log for adding to it; one that is large is put aside. Links are not followed. */
async function openLogFile(path: string) {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > logBytesMax) await rename(path, `${path}.old`);
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  return open(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600);
}

const lookAgainMs = 10;

/** Waits until the server takes connections. Gives what it said if it does not. */
async function readiness(
  { server, ended, said }: Launched,
  folder: string,
  until: number,
): Promise<string | undefined> {
  let over: string | undefined;
  void ended.then((why) => {
    over = why;
  });
  while (over === undefined) {
    const note = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '');
    const lines = note.split('\n').map((line) => line.trim());
    if (lines[0] === String(server.pid) && lines[7] === 'ready') return undefined;
    if (Date.now() > until) return 'It was not ready in time.';
    await sleep(lookAgainMs);
  }
  return (await said()).trim() || over;
}

const fastStopMsMax = 10_000;
const hardStopMsMax = 5_000;

function running(server: ChildProcess, url: string, log: Log): Postgres {
  let asked = false;
  const ended = new Promise<string>((resolve) => {
    const tell = (): void => {
      resolve(`The database ended with ${String(server.exitCode ?? server.signalCode)}.`);
    };
    if (server.exitCode !== null || server.signalCode !== null) tell();
    else server.once('exit', tell);
  });
  void ended.then((why) => {
    if (!asked) log.error(why);
  });
  return {
    url,
    async stop() {
      asked = true;
      const steps = [
        ['SIGINT', fastStopMsMax],
        ['SIGQUIT', hardStopMsMax],
        ['SIGKILL', hardStopMsMax],
      ] as const;
      for (const [signal, msMax] of steps) {
        server.kill(signal);
        if (await within(msMax, ended)) return;
        log.warn({ signal }, 'the database does not end');
      }
    },
    onExit(callback) {
      void ended.then((why) => {
        if (!asked) callback(why);
      });
    },
  };
}

async function within(ms: number, event: Promise<unknown>): Promise<boolean> {
  const waiting = new AbortController();
  const late = sleep(ms, waiting.signal).then(
    () => false,
    () => false,
  );
  const answer = await Promise.race([event.then(() => true), late]);
  waiting.abort();
  return answer;
}

function urlOf(port: number, password: string): string {
  return `postgres://${product}:${password}@127.0.0.1:${port}/${product}`;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}
