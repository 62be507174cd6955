import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { within } from '../fixtures/clients.ts';
import { supergraphFile } from './file-source.ts';
import type { SupergraphSource } from './source.ts';

const everyMs = 10;

describe('a supergraph in a file', () => {
  let folder: string;
  let file: string;
  let logged: string[];
  let source: SupergraphSource;
  let came: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'forge-supergraph-'));
    file = join(folder, 'supergraph.graphql');
    logged = [];
    came = [];
    const log = pino({}, { write: (line: string) => void logged.push(line) });
    source = supergraphFile(file, log, everyMs);
  });
  afterEach(async () => {
    await source.stop();
    await rm(folder, { recursive: true });
  });

  const start = () => source.start((text) => came.push(text));

  it('is given at the start, and each time it was written anew', async () => {
    await writeFile(file, 'one');
    expect(await start()).toBe('one');
    await writeFile(file, 'two');
    expect(await within(2_000, () => came.length === 1)).toBe(true);
    await writeFile(file, 'three');
    expect(await within(2_000, () => came.length === 2)).toBe(true);
    expect(came).toEqual(['two', 'three']);
  });

  it('is not given again when only its time has changed', async () => {
    await writeFile(file, 'one');
    await start();
    await writeFile(file, 'one');
    await wait(20 * everyMs);
    expect(came).toEqual([]);
  });

  it('is not read while it is being written', async () => {
    await writeFile(file, 'one');
    await start();
    const writing = Array.from({ length: 30 }, (_, part) => `part ${String(part)}\n`);
    let text = '';
    for (const part of writing) {
      text += part;
      await writeFile(file, text);
      await wait(everyMs / 3);
    }
    expect(await within(2_000, () => came.at(-1) === text)).toBe(true);
  });

  it('is found behind a link that was turned to another file, as Kubernetes does', async () => {
    await writeFile(join(folder, 'first'), 'one');
    await writeFile(join(folder, 'second'), 'two');
    await symlink(join(folder, 'first'), file);
    expect(await start()).toBe('one');
    await symlink(join(folder, 'second'), `${file}.new`);
    await rename(`${file}.new`, file);
    expect(await within(2_000, () => came.includes('two'))).toBe(true);
  });

  it('stays in use when the file is gone, and is taken up again when it is back', async () => {
    await writeFile(file, 'one');
    await start();
    await rm(file);
    expect(await within(2_000, () => logged.some((line) => line.includes('stays in use')))).toBe(
      true,
    );
    await writeFile(file, 'two');
    expect(await within(2_000, () => came.includes('two'))).toBe(true);
  });

  it('cannot be started without the file', async () => {
    await expect(start()).rejects.toThrow('ENOENT');
  });

  it('is not looked at any more once it was stopped', async () => {
    await writeFile(file, 'one');
    await start();
    await source.stop();
    await writeFile(file, 'two');
    await wait(10 * everyMs);
    expect(came).toEqual([]);
  });
});
