import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFile, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../infra/root.ts';
import { startProduct } from '../support/product.ts';
import type { Product } from '../support/product.ts';

let forge: Product | undefined;
beforeAll(async () => {
  forge = await startProduct();
}, 90_000);
afterAll(() => forge?.remove(), 60_000);

// The recipe is for people, who have curl.
const hasCurl = spawnSync('curl', ['--version']).status === 0;

(hasCurl ? it : it.skip)(
  'the README’s recipe gives the answers that the README shows',
  async () => {
    const { url = '', dataDir } = forge ?? {};
    const blocks = recipeOf(await readFile(join(root, 'README.md'), 'utf8'), url);
    const commands = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text);
    const shown = blocks.filter(({ language }) => language !== 'sh').map(({ text }) => text);
    const script = commands.map((text) => `${text}\necho; echo ----`).join('\n');
    const { stdout } = await promisify(execFile)('bash', ['-eu', '-c', script], {
      cwd: root,
      env: { ...process.env, FORGE_DATA_DIR: dataDir },
      timeout: 60_000,
    });
    const given = stdout.split('----').filter((text) => text.trim() !== '');
    expect(given.map(answersIn)).toEqual(shown.map(answersIn));
  },
  90_000,
);

interface Block {
  readonly language: string;
  readonly text: string;
}

/** The commands and answers under the title "Try it", for the product of this test. */
function recipeOf(readme: string, url: string): Block[] {
  const [, section = ''] = /^## Try it$([\s\S]*?)^## /m.exec(readme) ?? [];
  return [...section.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language, text]) => ({
    language: language ?? '',
    text: (text ?? '').replaceAll('//127.0.0.1:4000/graphql', url.replace('http:', '')),
  }));
}

/**
 * The results of an answer, of a stream one by one, without what frames them. How
 * often usage is measured differs each time.
 */
function answersIn(text: string): unknown[] {
  const lines = text
    .split('\n')
    .map((line) => line.replace(/^data: /, '').trim())
    .filter((line) => line !== '');
  const isOnePerLine = lines.every((line) => line.startsWith('{') && line.endsWith('}'));
  if (!isOnePerLine) return [JSON.parse(text)];
  return lines
    .filter((line) => !line.includes('JobUsageSampled'))
    .map((line): unknown => JSON.parse(line));
}
