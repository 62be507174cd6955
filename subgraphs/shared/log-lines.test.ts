import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { build } from '../../infra/build/build.mjs';
import { root } from '../../infra/root.ts';
import { linesOfATurn } from './log-lines.ts';
import { createLog } from './log.ts';

function written() {
  const pieces: string[] = [];
  const log = createLog(
    { level: 'info' },
    linesOfATurn({ write: (piece: string) => void pieces.push(piece) }),
  );
  const messages = () =>
    pieces.map((piece) =>
      piece
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { msg: string }).msg),
    );
  return { log, messages };
}

describe('linesOfATurn', () => {
  it('writes the lines of one turn of the event loop in one piece, in order', async () => {
    const { log, messages } = written();
    log.info('one');
    log.child({ a: 1 }).info('two');
    expect(messages()).toEqual([]);
    await turn();
    log.info('three');
    await turn();
    expect(messages()).toEqual([['one', 'two'], ['three']]);
  });

  it('writes a warning at once, behind what came before it', async () => {
    const { log, messages } = written();
    log.info('one');
    log.warn('two');
    expect(messages()).toEqual([['one', 'two']]);
    await turn();
    expect(messages()).toHaveLength(1);
  });

  it('holds no more than a bounded piece, however much one turn says', () => {
    const { log, messages } = written();
    for (let line = 0; line < 3_000; line += 1) log.info('x'.repeat(100));
    expect(messages().flat().length).toBeGreaterThan(2_000);
  });
});

describe('the log of a process', () => {
  const program = (text: string): string => {
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
      cwd: root,
      encoding: 'utf8',
      timeout: 20_000,
    });
    return stderr;
  };
  const made = `const { createLog } = await import(${JSON.stringify(join(root, 'dist/subgraphs/shared/log.js'))}); const log = createLog({ level: 'info' });`;

  it.each([
    ['exits', 'process.exit(3)'],
    ['ends with an error', 'throw new Error("an end")'],
    ['logs while it exits', 'process.on("exit", () => log.info("last words"))'],
  ])('is whole when the process %s', async (_how, end) => {
    await build();
    const stderr = program(`${made} log.info('first words'); ${end};`);
    expect(stderr).toContain('first words');
    if (end.includes('last words')) expect(stderr).toContain('last words');
  });
});
