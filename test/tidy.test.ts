import { beforeAll, describe, expect, it } from '@jest/globals';
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { settings } from '../subgraphs/shared/config.ts';
import { errorCodes } from '../subgraphs/shared/errors.ts';

/** What linters cannot say about the whole. */

const root = join(import.meta.dirname, '..');
const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8');
const rooms = ['graph', 'domain', 'store', 'providers', 'workflows'];
const written = ['.git', 'node_modules', 'dist', 'coverage', '.forge', '.cache'];
const linesMax = 500;

let files: readonly string[];
let sources: readonly (readonly [path: string, text: string])[];

beforeAll(async () => {
  files = await filesOfTheProject();
  sources = await Promise.all(
    files
      .filter((path) => /[.](ts|tsx|mjs|pl|sh)$/.test(path))
      .map(async (path) => [path, await read(path)] as const),
  );
});

describe('errors', () => {
  it('every code has its section in docs/errors.md', async () => {
    const sections = headings(await read('docs/errors.md'));
    expect(errorCodes.filter((code) => !sections.includes(code))).toEqual([]);
  });

  it('docs/errors.md has no section of a code that is gone', async () => {
    const sections = headings(await read('docs/errors.md')).filter((text) =>
      /^[A-Z_]+$/.test(text),
    );
    expect(sections).toEqual([...errorCodes]);
  });
});

describe('configuration', () => {
  it('every variable has its row in docs/configuration.md, and no other has', async () => {
    const rows = (await read('docs/configuration.md')).matchAll(/^\| `([A-Z0-9_]+)` \|/gm);
    const documented = [...rows].map(([, name = '']) => name);
    expect(documented).toEqual(Object.keys(settings));
  });
});

describe('subgraphs', () => {
  it('each has its README, its index.ts and the five rooms', async () => {
    const missing = [];
    for (const name of await subgraphs()) {
      for (const part of ['README.md', 'index.ts', ...rooms]) {
        const path = `subgraphs/${name}/${part}`;
        if (!(await exists(path))) missing.push(path);
      }
    }
    expect(missing).toEqual([]);
  });

  it('none has a folder that is no room', async () => {
    const others = [];
    for (const name of await subgraphs()) {
      const entries = await readdir(join(root, 'subgraphs', name), { withFileTypes: true });
      for (const entry of entries) {
        const known = [...rooms, 'fixtures'].includes(entry.name);
        if (entry.isDirectory() && !known) others.push(`subgraphs/${name}/${entry.name}`);
      }
    }
    expect(others).toEqual([]);
  });
});

describe('rover.yaml', () => {
  it('composes what schema/ holds: the same subgraphs at the same URLs, by the same version', async () => {
    const rover = await read('rover.yaml');
    const told = rover.matchAll(
      /^ {2}(\w+):\n {4}routing_url: (\S+)\n {4}schema:\n {6}file: (\S+)/gm,
    );
    const composed = (await read('schema/supergraph.graphql')).matchAll(
      /@join__graph\(name: "(\w+)", url: "(\S+)"\)/g,
    );
    expect([...told].map(([, name, url, file]) => [name, url, file])).toEqual(
      [...composed].map(([, name = '', url]) => [name, url, `schema/${name}.graphql`]),
    );
    const { dependencies } = JSON.parse(await read('package.json')) as {
      dependencies: Record<string, string>;
    };
    expect(/^federation_version: =(\S+)$/m.exec(rover)?.[1]).toBe(
      dependencies['@apollo/composition'],
    );
  });
});

describe('files', () => {
  it(`none has more than ${linesMax} lines`, () => {
    const long = sources.filter(([, text]) => text.split('\n').length - 1 > linesMax);
    expect(long.map(([path]) => path)).toEqual([]);
  });

  it('none is left unfinished', () => {
    expect(matches(sources.filter(notThisFile), /\b(TODO|FIXME|XXX)\b/)).toEqual([]);
  });

  it('no test is switched off or runs alone', () => {
    const tests = sources.filter(([path]) => path.endsWith('.test.ts'));
    // What only some machines can do may be left out on the others: `(can ? it : it.skip)(…)`.
    const off = /\b(it|test|describe)[.](only|skip|todo|failing)\b(?!\))|\b[xf](it|describe)\(/;
    expect(matches(tests.filter(notThisFile), off)).toEqual([]);
  });

  it('none names a folder of somebody’s machine', async () => {
    const texts = await Promise.all(
      files
        .filter((path) => !/[.](png|ico|woff2|svg|lock)$|^package-lock[.]json$/.test(path))
        .map(async (path) => [path, await read(path)] as const),
    );
    const personal = /(?<![\w.~/-])\/(home|Users|root)\/[\w.-]/;
    expect(matches(texts, personal)).toEqual([]);
  });

  it('none is called after no purpose', () => {
    const vague = /(^|\/)(utils?|helpers?|common|misc|managers?)([.]|\/)/;
    expect(files.filter((path) => vague.test(path))).toEqual([]);
  });
});

describe('documents', () => {
  it('every link to a file leads to one', async () => {
    const broken = [];
    for (const path of files.filter((name) => name.endsWith('.md'))) {
      for (const [, target = ''] of (await read(path)).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
        const found = join(path, '..', target);
        if (!(await exists(found))) broken.push(`${path}: ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it('every file of the code that one names is there', async () => {
    const gone = [];
    for (const path of files.filter((name) => name.endsWith('.md'))) {
      const named = (await read(path)).matchAll(
        /`((?:gateway|subgraphs|infra|test|docs|schema)\/[\w./-]*[\w/])`/g,
      );
      for (const [, target = ''] of named) {
        if (!(await exists(target))) gone.push(`${path}: ${target}`);
      }
    }
    expect(gone).toEqual([]);
  });

  it('every decision is on the list', async () => {
    const list = await read('docs/adr/README.md');
    const pages = (await readdir(join(root, 'docs/adr'))).filter((name) => /^\d{4}-/.test(name));
    expect(pages.filter((name) => !list.includes(`(${name})`))).toEqual([]);
  });

  it('every npm script that a document names exists', async () => {
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: object };
    const unknown = [];
    for (const path of files.filter((name) => name.endsWith('.md'))) {
      for (const [, name = ''] of (await read(path)).matchAll(/npm run (?:-s )?([\w:-]+)/g)) {
        if (!(name in scripts)) unknown.push(`${path}: npm run ${name}`);
      }
    }
    expect(unknown).toEqual([]);
  });
});

/** Everything but what machines write. */
async function filesOfTheProject(folder = ''): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const found = entries
    .filter(({ name }) => !written.includes(name))
    .map(async (entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesOfTheProject(path) : [path];
    });
  return (await Promise.all(found)).flat();
}

async function subgraphs(): Promise<string[]> {
  const entries = await readdir(join(root, 'subgraphs'), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && entry.name !== 'shared')
    .map(({ name }) => name);
}

function exists(path: string): Promise<boolean> {
  return access(join(root, path)).then(
    () => true,
    () => false,
  );
}

function headings(markdown: string): string[] {
  return [...markdown.matchAll(/^## (.+)$/gm)].map(([, text = '']) => text);
}

/** This file speaks of what it looks for. */
function notThisFile([path]: readonly [string, string]): boolean {
  return path !== 'test/tidy.test.ts';
}

function matches(texts: readonly (readonly [string, string])[], pattern: RegExp): string[] {
  return texts.flatMap(([path, text]) =>
    text
      .split('\n')
      .flatMap((line, index) =>
        pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [],
      ),
  );
}
