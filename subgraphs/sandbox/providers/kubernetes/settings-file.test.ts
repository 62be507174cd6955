import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { plain, plainDraft } from './manifests/fixtures/samples.ts';
import { readClusterSettings } from './settings-file.ts';

let file: string;
beforeAll(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'forge-settings-')), 'sandbox.json');
});
afterAll(async () => {
  await rm(join(file, '..'), { recursive: true, force: true });
});

it('reads what an operator wrote, and fills in the rest', async () => {
  await writeFile(file, JSON.stringify(plainDraft));
  expect(readClusterSettings(file)).toEqual(plain);
});

it('says everything that is wrong at once, each with the file', async () => {
  await writeFile(file, JSON.stringify({ registries: 'x', priorityClass: 'A B' }));
  const read = () => readClusterSettings(file);
  expect(read).toThrow(/registries/i);
  expect(read).toThrow(/small letters, digits and dashes/);
});

it('says that there is no such file, or no JSON in it', async () => {
  expect(() => readClusterSettings('/nowhere.json')).toThrow(/FORGE_SANDBOX_SETTINGS.*nowhere/s);
  await writeFile(file, '{');
  expect(() => readClusterSettings(file)).toThrow(/cannot be read/);
});
