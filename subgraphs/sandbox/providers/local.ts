import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ForgeError } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import { readArtifacts } from './local/artifacts-file.ts';
import {
  attemptFolder,
  createFolder,
  deleteFolder,
  exists,
  isSupervised,
  listFolders,
  replaceFile,
} from './local/attempt-folder.ts';
import type { AttemptFolder } from './local/attempt-folder.ts';
import { writeOrder } from './local/order-file.ts';
import type { UserRange } from './local/order-file.ts';
import { readOutput, unreadFrom } from './local/output-file.ts';
import { checkMachine } from './local/readiness.ts';
import type { Readiness } from './local/readiness.ts';
import { lookAt } from './local/sight.ts';
import { endEverything, startSupervisor } from './local/supervisor.ts';
import type { ArtifactEntry, AttemptKey, Runner, StartAnswer, StartOrder } from './runner.ts';

export interface LocalRunnerConfig {
  /** Where attempts are kept. All processes of one machine that share it are one runner. */
  readonly root: string;
  /** The Node.js that programs of the template `node` run on. */
  readonly nodeBinary: string;
  readonly perl?: string;
  readonly users?: UserRange;
  readonly log: Log;
}

/**
 * Runs programs on this machine, isolated by the kernel: see README.md for what
 * that holds back and what it does not.
 *
 * Nothing is kept in this process: a folder per attempt and its supervisor are
 * the whole truth. A worker may die at any point, and any other carries on.
 */
export function localRunner(config: LocalRunnerConfig): Runner {
  const { root, log, perl = '/usr/bin/perl', users = userRange } = config;
  const folderOf = (key: AttemptKey): AttemptFolder => attemptFolder(root, key);
  const readiness = remembered(() => checkMachine({ ...config, perl, users }));

  return {
    name: 'local',

    check: (call) =>
      answered('check', call?.signal, async () => {
        const found = await readiness();
        if (found.kind === 'unavailable') return found;
        const { kind, templates, enforced, weaker } = found;
        return { kind, templates, enforced, weaker };
      }),

    start: (order, call) =>
      answered('start', call?.signal, async () => {
        const folder = folderOf(order.key);
        if (!(await exists(folder.path))) {
          const found = await readiness();
          const refusal = refusalOf(order, found);
          if (refusal || found.kind === 'unavailable') return refusal ?? unavailable(found);
          const { interpreters } = found;
          const text = writeOrder(order, { interpreters, users, group: folder.group });
          await createFolder(root, folder, text);
        }
        const answer = await begin(perl, folder, call?.signal);
        if (answer.kind === 'refused') log.warn({ key: order.key, ...answer }, 'program not started');
        return answer;
      }),

    look: (key, call) => answered('look', call?.signal, () => lookAt(folderOf(key))),

    read: (key, position, bounds, call) =>
      answered('read', call?.signal, async () => {
        const folder = folderOf(key);
        // Before the file is read: what is complete then, stays complete.
        const { kind } = await lookAt(folder);
        const ended = kind !== 'running' && kind !== 'starting';
        return await readOutput(join(folder.path, 'output'), position, bounds, ended);
      }),

    wait: (key, seen, { timeoutMs }, call) =>
      answered('wait', call?.signal, async () => {
        const folder = folderOf(key);
        const from = unreadFrom(seen.position);
        const isNew = async (): Promise<boolean> => {
          const output = await stat(join(folder.path, 'output')).catch(() => undefined);
          return (output?.size ?? 0) > from || (await lookAt(folder)).kind !== seen.kind;
        };
        return (await until(isNew, folder, timeoutMs, call?.signal)) ? 'changed' : 'timeout';
      }),

    stop: (key, { graceMs }, call) =>
      answered('stop', call?.signal, async () => {
        const folder = folderOf(key);
        if (!(await exists(folder.path))) return;
        await replaceFile(join(folder.path, 'stop'), String(Math.max(0, Math.round(graceMs))));
        await isSupervised(folder, 'S');
      }),

    async *artifacts(key, call): AsyncGenerator<ArtifactEntry> {
      const folder = folderOf(key);
      const { kind } = await answered('artifacts', call?.signal, () => lookAt(folder));
      if (kind !== 'ended') return;
      for await (const entry of readArtifacts(join(folder.path, 'artifacts'))) {
        call?.signal?.throwIfAborted();
        yield entry;
      }
    },

    remove: (key, call) =>
      answered('remove', call?.signal, async () => {
        const folder = folderOf(key);
        if (!(await exists(folder.path))) return;
        await endEverything(folder, call?.signal);
        await deleteFolder(root, folder);
      }),

    list: (call) => answered('list', call?.signal, () => listFolders(root)),
  };
}

/** Far from accounts, containers and services, and below 2^31. */
const userRange: UserRange = { first: 1_900_000_000, count: 4_096 };

const startWaitMsMax = 15_000;
const supervisorsMax = 2;
const pollMs = 250;
const unavailableForMs = 5_000;

/** Checking costs a program: a good answer is kept, a bad one for a moment. */
function remembered(check: () => Promise<Readiness>): () => Promise<Readiness> {
  let last: { readonly answer: Promise<Readiness>; readonly until: number } | undefined;
  return async () => {
    if (!last || Date.now() > last.until) last = { answer: check(), until: Infinity };
    const asked = last;
    const isGood = await asked.answer.then(({ kind }) => kind === 'ready').catch(() => false);
    if (!isGood && last === asked) last = { ...asked, until: Date.now() + unavailableForMs };
    return await asked.answer;
  };
}

function refusalOf(order: StartOrder, found: Readiness): StartAnswer | undefined {
  if (found.kind === 'unavailable') return unavailable(found);
  if (found.interpreters[order.template] !== undefined) return undefined;
  const message = `There is no interpreter for "${order.template}" on the system's paths.`;
  return { kind: 'refused', reason: 'TEMPLATE_UNAVAILABLE', message };
}

function unavailable({ message }: { readonly message: string }): StartAnswer {
  return { kind: 'refused', reason: 'RUNNER_UNAVAILABLE', message };
}

/** Gives the attempt a supervisor if it has none, and tells how its start ends. */
async function begin(
  perl: string,
  folder: AttemptFolder,
  signal: AbortSignal | undefined,
): Promise<StartAnswer> {
  let message = '';
  for (let supervisors = 0; supervisors < supervisorsMax; supervisors += 1) {
    let isDead = false;
    const isSettled = async (): Promise<boolean> => isDead || (await lookAt(folder)).kind !== 'starting';
    if (!(await isSettled()) && !(await isSupervised(folder))) {
      void startSupervisor(perl, folder).then(
        (exit) => {
          if (exit.kind !== 'died') return;
          message = exit.message;
          isDead = true;
        },
        (cause: unknown) => {
          message = String(cause);
          isDead = true;
        },
      );
    }
    await until(isSettled, folder, startWaitMsMax, signal);
    const sight = await lookAt(folder);
    if (sight.kind === 'refused') return sight;
    if (sight.kind !== 'starting' || !isDead) return { kind: 'started' };
  }
  return { kind: 'refused', reason: 'START_FAILED', message };
}

/** Waits until something is true, asking whenever the folder changes. False when the time is over. */
async function until(
  isTrue: () => Promise<boolean>,
  folder: AttemptFolder,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  let changed = Promise.withResolvers<undefined>();
  const watcher = watchFolder(folder, () => {
    changed.resolve(undefined);
  });
  try {
    for (;;) {
      changed = Promise.withResolvers<undefined>();
      if (await isTrue()) return true;
      const leftMs = end - Date.now();
      if (leftMs <= 0) return false;
      const pause = new AbortController();
      const timer = sleep(Math.min(pollMs, leftMs), undefined, {
        signal: AbortSignal.any([pause.signal, ...(signal ? [signal] : [])]),
      });
      await Promise.race([changed.promise, timer.catch(() => undefined)]);
      pause.abort();
      signal?.throwIfAborted();
    }
  } finally {
    watcher?.close();
  }
}

/** Watching only saves waiting: where it cannot be had, asking now and then does. */
function watchFolder(folder: AttemptFolder, onChange: () => void): { close(): void } | undefined {
  try {
    return watch(folder.path, onChange).on('error', () => undefined);
  } catch {
    return undefined;
  }
}

async function answered<T>(
  what: string,
  signal: AbortSignal | undefined,
  ask: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  try {
    return await ask();
  } catch (cause) {
    if (signal?.aborted) signal.throwIfAborted();
    if (cause instanceof ForgeError) throw cause;
    const message = `The local runner gave no answer to "${what}".`;
    throw new ForgeError('PROVIDER_UNAVAILABLE', message, { cause, retryable: true });
  }
}
