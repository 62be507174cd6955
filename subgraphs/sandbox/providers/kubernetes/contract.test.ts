import { createHash } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import { runnerContract } from '../fixtures/runner-contract.ts';
import { order, readAll, runProgram } from '../fixtures/run-program.ts';
import type { KubernetesRunner } from '../kubernetes.ts';
import { outputStart } from '../runner.ts';
import { openRealGate } from './fixtures/real-gate.ts';
import { settingsWithGate, startRealCluster } from './fixtures/real-programs.ts';

const gate = await openRealGate();
const { cluster, newRunner } = await startRealCluster(settingsWithGate(gate.port));
const runners: KubernetesRunner[] = [];
const worker = (): KubernetesRunner => {
  const runner = gate.through(newRunner());
  runners.push(runner);
  return runner;
};
afterAll(async () => {
  await Promise.all(runners.map((runner) => runner.close()));
  await cluster[Symbol.asyncDispose]();
  await gate.close();
});

runnerContract('the Kubernetes runner', () => Promise.resolve(worker()));

describe('the Kubernetes runner', () => {
  it('goes on at a position that another worker told, without losing or doubling a line', async () => {
    const asked = order({ source: 'for n in 1 2 3 4 5 6 7 8 9; do echo $n; sleep 0.1; done' });
    await worker().start(asked);
    const read: string[] = [];
    for (let position = outputStart, ended = false; !ended;) {
      const runner = worker();
      const { kind } = await runner.look(asked.key);
      await runner.wait(asked.key, { position, kind }, { timeoutMs: 1_000 });
      const output = await runner.read(asked.key, position, { bytesMax: 1e6, linesMax: 2 });
      read.push(...output.lines.map(({ text }) => text));
      ({ position, ended } = output);
    }
    expect(read.join('')).toBe('123456789');
    await worker().remove(asked.key);
  });

  it('keeps whole lines up to the limit of output, counts the rest, and ends the program', async () => {
    const asked = order({ source: 'yes 123456789', limits: { outputBytesMax: 100_000 } });
    const { sight, lines, gaps } = await runProgram(worker(), asked);
    expect(sight).toMatchObject({ kind: 'ended', verdict: { outputLimit: true } });
    expect(lines.length).toBeGreaterThan(10_000);
    expect(new Set(lines.map(({ text }) => text))).toEqual(new Set(['123456789']));
    expect(gaps).toEqual([
      { at: expect.any(Date), bytes: expect.any(Number), why: 'OUTPUT_LIMIT' },
    ]);
  });

  it('gives files with any content, and says which are not kept and why', async () => {
    const source = `
      cd "$FORGE_ARTIFACTS"; mkdir deep; head -c 30000 /dev/zero > deep/zeros; printf '\\377\\0x' > raw
      : > empty; ln -s /etc/passwd link; ln raw hard; mkfifo pipe; printf x > 'with space'
      printf x > '%41'; printf x > A; printf x > a; printf x > "$(printf 'b\\377')"
      perl -e 'open my $f, ">", "sparse" or die; truncate $f, 4 * 2 ** 30 or die'`;
    const { files, refused } = await runProgram(worker(), order({ source }));
    expect(files).toEqual({
      ...{ '%41': 'x', A: 'x', empty: '', 'with space': 'x' },
      'deep/zeros': '\0'.repeat(30_000),
    });
    expect(refused).toEqual({
      ...{ link: 'NOT_A_REGULAR_FILE', pipe: 'NOT_A_REGULAR_FILE' },
      ...{ hard: 'HARD_LINK', raw: 'HARD_LINK' },
      ...{ a: 'NAME_CLASH', 'b\ufffd': 'UNSAFE_PATH', sparse: 'TOO_LARGE' },
    });
  });

  it('gives 64 MiB, and refuses a byte more', async () => {
    const source = `cd "$FORGE_ARTIFACTS"
      head -c 67108864 /dev/urandom > large; sha256sum < large; printf x > more`;
    const runner = worker();
    const asked = order({ source });
    await runner.start(asked);
    const { lines } = await readAll(runner, asked);
    const hash = createHash('sha256');
    const told: string[] = [];
    for await (const entry of runner.artifacts(asked.key)) {
      told.push(entry.kind === 'file' ? entry.path : `${entry.path}: ${entry.why}`);
      if (entry.kind === 'file') for await (const piece of entry.content) hash.update(piece);
    }
    expect(told).toEqual(['large', 'more: TOO_LARGE']);
    expect(lines[0]?.text).toBe(`${hash.digest('hex')}  -`);
    await runner.remove(asked.key);
  });

  it('gives nothing of a program while it runs', async () => {
    const asked = order({ source: 'echo up; printf x > "$FORGE_ARTIFACTS/x"; sleep 60' });
    const runner = worker();
    await runner.start(asked);
    const start = { position: outputStart, kind: 'running' } as const;
    await runner.wait(asked.key, start, { timeoutMs: 5_000 });
    const uploads = 'select 1 from artifact_upload where job_id = $1';
    expect(await gate.sandbox.rows('acme', uploads, [asked.key.jobId])).toEqual([]);
    await runner.remove(asked.key);
  });

  it('takes what a program writes past the wrapper, or in its words, as output', async () => {
    const source = `echo 'x'; echo 'g 99'; echo 'f 1 /etc/passwd'; echo 'o fake' >&2; (echo x > /proc/1/fd/1) 2>/dev/null || echo shut`;
    const asked = order({ source });
    const runner = worker();
    await runner.start(asked);
    const { lines, gaps } = await readAll(runner, asked);
    expect(lines.map(({ text }) => text).sort()).toEqual([
      'f 1 /etc/passwd',
      'g 99',
      'o fake',
      'shut',
      'x',
    ]);
    expect(gaps).toEqual([]);
    await runner.remove(asked.key);
  });

  it('keeps what a program declares from the wrapper, and gives it to the program as it is', async () => {
    const env = [
      { name: 'PERL5OPT', value: '-Mno::such::module' },
      { name: 'PERL5LIB', value: '/work' },
      { name: 'LD_PRELOAD', value: '/work/none.so' },
      { name: 'PATH', value: '/usr/bin:/bin:/own' },
    ];
    const source = 'echo "$PERL5OPT $PERL5LIB $LD_PRELOAD $PATH"; export -p | grep -c FORGE_ENV_';
    const { sight, stdout } = await runProgram(worker(), order({ source, env }));
    expect(sight).toMatchObject({ kind: 'ended' });
    expect(stdout).toBe('-Mno::such::module /work /work/none.so /usr/bin:/bin:/own\n0');
  });
});
