import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Log } from '../../shared/log.ts';
import { readArtifacts } from './local/artifacts-file.ts';
import {
  attemptFolder,
  createFolder,
  exists,
  isSupervised,
  listFolders,
  replaceFile,
} from './local/attempt-folder.ts';
import type { AttemptFolder } from './local/attempt-folder.ts';
import { begin } from './local/begin.ts';
import { writeOrder } from './local/order-file.ts';
import type { UserRange } from './local/order-file.ts';
import { readOutput, unreadFrom } from './local/output-file.ts';
import { checkMachine } from './local/readiness.ts';
import type { Machine, Readiness } from './local/readiness.ts';
import { removeAttempt, removeOldDrafts } from './local/remove.ts';
import { securityIn } from './local/security.ts';
import { lookAt } from './local/sight.ts';
import { until } from './local/until.ts';
import { answeredBy } from './answered.ts';
import type {
  ArtifactEntry,
  AttemptKey,
  AttemptSight,
  Output,
  ReadBounds,
  Runner,
  RunnerCall,
  RunnerCheck,
  StartAnswer,
  StartOrder,
  StartRefusal,
} from './runner.ts';

const answered = answeredBy('The local runner');

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
  const root = resolve(config.root);
  const machine = { perl: '/usr/bin/perl', users: userRange, ...config, root };
  const readiness = remembered(() => checkMachine(machine));
  const folderOf = (key: AttemptKey): AttemptFolder => attemptFolder(root, key);

  return {
    name: 'local',
    collects: 'by-reading',
    check: (call) => answered('check', call, async () => shown(await readiness())),
    start: (order, call) =>
      answered('start', call, () => start(machine, readiness, order, call?.signal)),
    look: (key, call) => answered('look', call, () => lookAt(folderOf(key))),
    read: (key, position, bounds, call) =>
      answered('read', call, () => read(folderOf(key), position, bounds)),
    wait: (key, seen, { timeoutMs }, call) =>
      answered('wait', call, () => waitFor(folderOf(key), seen, timeoutMs, call?.signal)),
    stop: (key, { graceMs }, call) => answered('stop', call, () => stop(folderOf(key), graceMs)),
    artifacts: (key, call) => artifacts(folderOf(key), call),
    remove: (key, call) =>
      answered('remove', call, () => remove(root, folderOf(key), call?.signal)),
    security: (key, call) => answered('security', call, () => securityIn(folderOf(key))),
    list: (call) => answered('list', call, () => listFolders(root)),
  };
}

type LocalMachine = Machine & { readonly log: Log };

/** Far from accounts, containers and services, and below 2^31. */
const userRange: UserRange = { first: 1_900_000_000, count: 4_096 };

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

function shown(found: Readiness): RunnerCheck {
  if (found.kind === 'unavailable') return found;
  const { kind, templates, enforced, weaker } = found;
  return { kind, templates, enforced, weaker };
}

async function start(
  machine: LocalMachine,
  readiness: () => Promise<Readiness>,
  order: StartOrder,
  signal: AbortSignal | undefined,
): Promise<StartAnswer> {
  const { root, users, perl, log } = machine;
  const folder = attemptFolder(root, order.key);
  if (!(await exists(folder.path))) {
    const found = await readiness();
    if (found.kind === 'unavailable') return refused('RUNNER_UNAVAILABLE', found.message);
    const { interpreters } = found;
    if (interpreters[order.template] === undefined) {
      const message = `There is no interpreter for "${order.template}" on the system's paths.`;
      return refused('TEMPLATE_UNAVAILABLE', message);
    }
    const text = writeOrder(order, { interpreters, users, group: folder.group });
    await createFolder(root, folder, text);
  }
  const answer = await begin(perl, folder, signal);
  if (answer.kind === 'refused') log.warn({ key: order.key, ...answer }, 'program not started');
  return answer;
}

function refused(reason: StartRefusal['reason'], message: string): StartRefusal {
  return { kind: 'refused', reason, message };
}

async function read(folder: AttemptFolder, position: string, bounds: ReadBounds): Promise<Output> {
  // Before the file is read: what is complete then, stays complete.
  const { kind } = await lookAt(folder);
  return await readOutput(join(folder.path, 'output'), position, bounds, isOver(kind));
}

function isOver(kind: AttemptSight['kind']): boolean {
  return kind !== 'running' && kind !== 'starting';
}

async function waitFor(
  folder: AttemptFolder,
  seen: { readonly position: string; readonly kind: AttemptSight['kind'] },
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<'changed' | 'timeout'> {
  const from = unreadFrom(seen.position);
  const isNew = async (): Promise<boolean> => {
    const output = await stat(join(folder.path, 'output')).catch(() => undefined);
    if ((output?.size ?? 0) > from) return true;
    const { kind } = await lookAt(folder);
    return kind !== seen.kind || isOver(kind);
  };
  return (await until(isNew, folder, timeoutMs, signal)) ? 'changed' : 'timeout';
}

async function stop(folder: AttemptFolder, graceMs: number): Promise<void> {
  if (!(await exists(folder.path))) return;
  await replaceFile(join(folder.path, 'stop'), String(Math.max(0, Math.round(graceMs))));
  await isSupervised(folder, 'S');
}

async function* artifacts(
  folder: AttemptFolder,
  call: RunnerCall | undefined,
): AsyncGenerator<ArtifactEntry> {
  const { kind } = await answered('artifacts', call, () => lookAt(folder));
  if (kind !== 'ended') return;
  for await (const entry of readArtifacts(join(folder.path, 'artifacts'))) {
    call?.signal?.throwIfAborted();
    yield entry;
  }
}

async function remove(
  root: string,
  folder: AttemptFolder,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (await exists(folder.path)) {
    await removeAttempt(root, folder, signal);
  }
  await removeOldDrafts(root, new Date());
}
