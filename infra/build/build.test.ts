import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from './build.mjs';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'forge-build-'));
});

afterEach(() => rm(root, { recursive: true, force: true }));

describe('build', () => {
  it('compiles what is shipped, copies what lies beside it, and leaves tests out', async () => {
    await write('gateway/main.ts', "import { b } from './b.ts';\nexport const a: number = b;\n");
    await write('gateway/b.ts', 'export const b = 1;\n');
    await write('gateway/b.test.ts', 'throw new Error();\n');
    await write('gateway/b.d.ts', 'export {};\n');
    await write('subgraphs/sandbox/providers/watch.pl', 'print "é";\n');
    await write('gateway/console/page.html', '<p>');
    await write('gateway/README.md', '# text');
    expect(await build(root)).toBe(4);
    expect(await outputs()).toEqual([
      '.settings',
      'gateway/b.js',
      'gateway/b.js.map',
      'gateway/console/page.html',
      'gateway/main.js',
      'gateway/main.js.map',
      'subgraphs/sandbox/providers/watch.pl',
    ]);
    expect(await output('gateway/main.js')).toMatch(/from ["']\.\/b\.js["']/);
    expect(await output('gateway/main.js')).toMatch(/sourceMappingURL=main\.js\.map/);
    expect(await output('subgraphs/sandbox/providers/watch.pl')).toBe('print "é";\n');
  });

  it('does nothing when nothing changed', async () => {
    await write('gateway/a.ts', 'export const a = 1;\n');
    await build(root);
    const before = await stat(join(root, 'dist/gateway/a.js'));
    expect(await build(root)).toBe(0);
    expect((await stat(join(root, 'dist/gateway/a.js'))).ctimeMs).toBe(before.ctimeMs);
  });

  it('compiles a file again when it changed, also to one that is older', async () => {
    await write('gateway/a.ts', 'export const a = 1;\n');
    await build(root);
    await write('gateway/a.ts', 'export const a = 2;\n');
    await utimes(join(root, 'gateway/a.ts'), new Date(1_000), new Date(1_000));
    expect(await build(root)).toBe(1);
    expect(await output('gateway/a.js')).toContain('a = 2');
  });

  it('removes outputs without a source, and the folders that they leave', async () => {
    await write('gateway/old/a.ts', 'export const a = 1;\n');
    await write('gateway/b.pl', '1;\n');
    await build(root);
    await rm(join(root, 'gateway/old'), { recursive: true });
    await rm(join(root, 'gateway/b.pl'));
    await build(root);
    expect(await readdir(join(root, 'dist'))).toEqual(['.settings']);
  });

  it('makes one whole of several builds at once', async () => {
    for (let n = 0; n < 20; n += 1) await write(`gateway/f${n}.ts`, `export const f = ${n};\n`);
    await Promise.all([build(root), build(root), build(root)]);
    expect((await outputs()).length).toBe(41);
    expect(await output('gateway/f7.js')).toContain('f = 7');
  });
});

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

function output(path: string): Promise<string> {
  return readFile(join(root, 'dist', path), 'utf8');
}

async function outputs(): Promise<string[]> {
  const entries = await readdir(join(root, 'dist'), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(root, 'dist').length + 1))
    .sort();
}
