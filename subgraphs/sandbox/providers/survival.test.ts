import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLog } from '../../shared/log.ts';
import { amRoot, newRunner, removeRoots } from './fixtures/modes.ts';
import { processesLike } from './fixtures/processes.ts';
import { order, readAll, runProgram } from './fixtures/run-program.ts';
import { localRunner } from './local.ts';
import { attemptFolder } from './local/attempt-folder.ts';
import { startSupervisor } from './local/supervisor.ts';
import type { AttemptKey, Runner } from './runner.ts';
import { outputStart } from './runner.ts';

afterAll(removeRoots);

describe('an attempt', () => {
  let runner: Runner;
  let root: string;
  beforeAll(async () => {
    ({ runner, root } = await newRunner());
  });
  const another = (): Runner =>
    localRunner({ root, nodeBinary: process.execPath, log: createLog({ level: 'silent' }) });
  const fileOf = (key: AttemptKey, name: string): Promise<string> =>
    readFile(join(root, 'attempts', `${key.jobId}.1`, name), 'utf8');
  const supervisorOf = async (
    key: AttemptKey,
  ): Promise<{ pid: number; initPid: number; uid: number | null }> =>
    JSON.parse(await fileOf(key, 'supervisor')) as {
      pid: number;
      initPid: number;
      uid: number | null;
    };
  const firstOutput = (key: AttemptKey): Promise<unknown> =>
    runner.wait(key, { position: outputStart, kind: 'running' }, { timeoutMs: 5_000 });

  it('goes on when the worker that started it is killed, and another reads it to its end', async () => {
    const asked = order({
      source: 'echo before; sleep 1; echo after; echo kept > $FORGE_ARTIFACTS/f',
    });
    const script = fileURLToPath(new URL('./fixtures/start-and-wait.ts', import.meta.url));
    const worker = spawn(process.execPath, [script, root, process.execPath], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    worker.stdin.end(JSON.stringify(asked));
    await once(worker.stdout, 'data');
    worker.kill('SIGKILL');
    await once(worker, 'exit');

    expect(await another().look(asked.key)).toMatchObject({ kind: 'running' });
    const { lines } = await readAll(another(), asked);
    expect(lines.map(({ text }) => text)).toEqual(['before', 'after']);
    expect(await runner.look(asked.key)).toMatchObject({ kind: 'ended', verdict: { exitCode: 0 } });
    await runner.remove(asked.key);
  });

  it('starts once, from however many workers it is asked for at the same time', async () => {
    const asked = order({ source: 'echo once; sleep 0.3' });
    const runners = [runner, another(), another(), another()];
    const answers = await Promise.all(runners.flatMap((r) => [r.start(asked), r.start(asked)]));
    expect(answers).toEqual(Array(8).fill({ kind: 'started' }));
    expect((await readAll(runner, asked)).lines.map(({ text }) => text)).toEqual(['once']);
    await runner.remove(asked.key);
  });

  it('is lost when its supervisor is killed, with everything of it, and never starts again', async () => {
    const mark = `sleep 6${String(process.pid)}`;
    const asked = order({ source: `echo here; setsid ${mark} & exec ${mark}` });
    await runner.start(asked);
    await firstOutput(asked.key);
    const { pid, initPid } = await supervisorOf(asked.key);
    process.kill(pid, 'SIGKILL');
    await gone(pid);
    const sight = await runner.look(asked.key);
    expect(sight).toMatchObject({ kind: 'lost' });
    await gone(initPid);
    expect(await processesLike(mark)).toEqual([]);

    expect(await another().start(asked)).toEqual({ kind: 'started' });
    expect(await runner.look(asked.key)).toEqual(sight);
    const output = await runner.read(asked.key, outputStart, { bytesMax: 1e6, linesMax: 10 });
    expect(output).toMatchObject({ lines: [{ text: 'here' }], ended: true });
    await runner.remove(asked.key);
    expect(await traces(asked.key)).toEqual([]);
  });

  it('does not run again for a supervisor that comes late', async () => {
    const asked = order({ source: 'echo once' });
    await runner.start(asked);
    await readAll(runner, asked);
    const sight = await runner.look(asked.key);
    const folder = attemptFolder(root, asked.key);
    const exits = [
      startSupervisor('/usr/bin/perl', folder),
      startSupervisor('/usr/bin/perl', folder),
    ];
    for (const exit of await Promise.all(exits)) expect(exit.kind).not.toBe('died');
    expect(await runner.look(asked.key)).toEqual(sight);
    expect((await readAll(runner, asked)).lines.map(({ text }) => text)).toEqual(['once']);
    await runner.remove(asked.key);
  });

  it('can be removed while it is being started, and then does not run', async () => {
    const mark = `sleep 5${String(process.pid)}`;
    for (const delayMs of [0, 5, 10, 20, 30, 40]) {
      const asked = order({ source: `exec ${mark}` });
      const started = runner.start(asked).catch(() => undefined);
      await sleep(delayMs);
      await runner.remove(asked.key);
      await started;
      await runner.remove(asked.key);
      expect(await traces(asked.key)).toEqual([]);
    }
    await sleep(100);
    expect(await processesLike(mark)).toEqual([]);
  });

  it('is removed even if its supervisor hangs', async () => {
    const asked = order({ source: 'echo here; sleep 60' });
    await runner.start(asked);
    await firstOutput(asked.key);
    const { pid, initPid } = await supervisorOf(asked.key);
    process.kill(pid, 'SIGSTOP');
    await runner.remove(asked.key);
    await Promise.all([gone(pid), gone(initPid)]);
    expect(await traces(asked.key)).toEqual([]);
  });

  it('leaves nothing behind: no process, folder, cgroup or mount', async () => {
    const before = await mountCount();
    const many = Array.from({ length: 4 }, () => order({ source: 'sleep 0.2' }));
    await Promise.all(many.map((asked) => runner.start(asked)));
    await many.reduce(async (previous, { key }) => {
      await previous;
      await runner.remove(key);
    }, Promise.resolve());
    for (const { key } of many) expect(await traces(key)).toEqual([]);
    expect(await mountCount()).toBe(before);
    expect(await readdir(join(root, 'drafts'))).toEqual([]);
  });

  it('has a user id that no other attempt has, when root runs it', async () => {
    const two = [order({ source: 'sleep 5' }), order({ source: 'sleep 5' })] as const;
    await Promise.all(two.map((asked) => runner.start(asked)));
    const [first, second] = await Promise.all(two.map(({ key }) => supervisorOf(key)));
    if (amRoot) {
      expect(first?.uid).toBeGreaterThanOrEqual(1_900_000_000);
      expect(first?.uid).not.toBe(second?.uid);
      const status = await readFile(`/proc/${String(first?.initPid)}/status`, 'utf8');
      expect(status).toMatch(new RegExp(`^Uid:(\\s+${String(first?.uid)}){4}$`, 'm'));
    } else {
      expect([first?.uid, second?.uid]).toEqual([null, null]);
    }
    await Promise.all(two.map(({ key }) => runner.remove(key)));
  });

  it('runs on a node that its user could not get to', async () => {
    const shut = await mkdtemp(join(tmpdir(), 'forge-shut-'));
    const nodeBinary = join(shut, 'node');
    await cp(process.execPath, nodeBinary);
    await chmod(nodeBinary, 0o755);
    await chmod(shut, 0o700);
    const runner = localRunner({
      root: join(shut, 'runner'),
      nodeBinary,
      log: createLog({ level: 'silent' }),
    });
    const outcome = await runProgram(
      runner,
      order({ template: 'node', source: 'console.log(process.execPath)' }),
    );
    await rm(shut, { recursive: true });
    expect(outcome).toMatchObject({
      stdout: '/opt/node/bin/node',
      sight: { verdict: { exitCode: 0 } },
    });
  });

  it('is refused when there is no perl to isolate it, never run without', async () => {
    const log = createLog({ level: 'silent' });
    const bare = localRunner({ root, nodeBinary: process.execPath, perl: '/usr/bin/no-perl', log });
    expect(await bare.check()).toMatchObject({ kind: 'unavailable' });
    const asked = order({ source: 'echo unsafe' });
    const answer = await bare.start(asked);
    expect(answer).toMatchObject({ kind: 'refused', reason: 'RUNNER_UNAVAILABLE' });
    expect(answer.kind === 'refused' && answer.message).toContain('perl-base');
    expect(await bare.look(asked.key)).toEqual({ kind: 'absent' });
  });

  it('is refused when its interpreter is not installed', async () => {
    const log = createLog({ level: 'silent' });
    const bare = localRunner({ root, nodeBinary: '/nowhere/node', log });
    const answer = await bare.start(order({ template: 'node', source: '1' }));
    expect(answer).toMatchObject({ kind: 'refused', reason: 'TEMPLATE_UNAVAILABLE' });
  });

  async function traces(key: AttemptKey): Promise<string[]> {
    const folders = (await readdir(join(root, 'attempts'))).filter((name) =>
      name.includes(key.jobId),
    );
    const groups = [];
    for (const controller of ['memory', 'pids', 'cpu', 'cpuacct', '.']) {
      for await (const name of groupsBelow(`/sys/fs/cgroup/${controller}`)) groups.push(name);
    }
    const { group } = await import('./local/attempt-folder.ts').then((m) =>
      m.attemptFolder(root, key),
    );
    return [...folders, ...groups.filter((name) => name === group)];
  }
});

async function* groupsBelow(folder: string, depth = 0): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory()) continue;
    yield entry.name;
    if (depth < 4) yield* groupsBelow(join(folder, entry.name), depth + 1);
  }
}

async function mountCount(): Promise<number> {
  return (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').length;
}

async function gone(pid: number): Promise<void> {
  for (const end = Date.now() + 5_000; ;) {
    const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => undefined);
    if (stat === undefined || /\) [ZX]/.test(stat)) return;
    if (Date.now() > end) throw new Error(`process ${String(pid)} is still there`);
    await sleep(5);
  }
}
