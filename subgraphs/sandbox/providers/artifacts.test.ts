import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { amRoot, directMode, removeRoots, userMode } from './fixtures/modes.ts';
import type { Mode } from './fixtures/modes.ts';
import { order } from './fixtures/run-program.ts';
import type { Outcome } from './fixtures/run-program.ts';
import { artifactLimits } from '../domain/artifact.ts';

afterAll(removeRoots);

const modes = amRoot
  ? ([
      ['as root', directMode],
      ['as an ordinary user', userMode],
    ] as const)
  : ([['as an ordinary user', directMode]] as const);

describe.each(modes)('of what a program leaves, run %s,', (_, makeMode) => {
  let mode: Mode;
  beforeAll(async () => {
    mode = await makeMode();
  });
  const leaving = (source: string, memoryMib = 256): Promise<Outcome> =>
    mode.run(order({ source: `cd $FORGE_ARTIFACTS\n${source}`, memoryMib }));

  it('regular files are kept, byte for byte, with their folders, sorted', async () => {
    const { files, refused } = await leaving(`
      mkdir -p b/c; printf two > b/c/2.txt; printf 'a\\0\\377' > a.bin; : > empty; mkdir none; printf n > é`);
    expect(files).toEqual({ 'a.bin': 'a\0\u00ff', 'b/c/2.txt': 'two', empty: '', é: 'n' });
    expect(Object.keys(files)).toEqual(['a.bin', 'b/c/2.txt', 'empty', 'é']);
    expect(refused).toEqual({});
  });

  it('nothing that is not a file of its own is kept, each told with its reason', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'forge-secret-'));
    await writeFile(join(folder, 'secret'), 'TOP-SECRET', { mode: 0o666 });
    const outcome = await leaving(`
      ln -s ${folder}/secret link; ln -s /usr folder-link; ln -s ../../../../etc/passwd up
      echo x > one; ln one two; ln /usr/bin/id hard 2> /dev/null; mkfifo fifo; mknod disk b 8 0 2> /dev/null
      perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, pack_sockaddr_un("socket"))'
      echo y > shut; chmod 000 shut; mkdir closed; echo z > closed/z; chmod 000 closed; echo ok > ok`);
    await rm(folder, { recursive: true });
    expect(outcome.files).toEqual({ ok: 'ok\n' });
    expect(outcome.refused).toEqual({
      link: 'NOT_A_REGULAR_FILE',
      'folder-link': 'NOT_A_REGULAR_FILE',
      up: 'NOT_A_REGULAR_FILE',
      fifo: 'NOT_A_REGULAR_FILE',
      socket: 'NOT_A_REGULAR_FILE',
      one: 'HARD_LINK',
      two: 'HARD_LINK',
      shut: 'UNREADABLE',
      closed: 'UNREADABLE',
    });
  });

  it('no name leads astray', async () => {
    const { files, refused } = await leaving(`
      perl -e 'for ("a\\nb", "c\\x07", "d\\xff", "e\\\\f", "...", " ") { open my $f, ">", $_ or die; print $f 1 }'
      perl -e 'for (1 .. 40) { mkdir "d" or die; chdir "d" } open my $f, ">", "deep"'
      perl -e 'for (1 .. 8) { mkdir "n" x 200 or die; chdir "n" x 200 } open my $f, ">", "long"'`);
    expect(files).toEqual({ '...': '1', ' ': '1' });
    const whys = Object.values(refused).sort();
    expect(whys).toEqual([
      'TOO_DEEP',
      'UNSAFE_PATH',
      'UNSAFE_PATH',
      'UNSAFE_PATH',
      'UNSAFE_PATH',
      'UNSAFE_PATH',
    ]);
  });

  it('no more than fits is kept: not of one file, not of all, not of holes', async () => {
    const { files, refused } = await leaving(
      `
      perl -e 'open my $f, ">", "sparse" or die; truncate $f, 4 * 2 ** 30 or print "no 4 GiB\\n"' 2> /dev/null
      perl -e 'open my $f, ">", "holes" or die; truncate $f, 100 * 2 ** 20 or die'
      for i in 1 2 3; do perl -e 'open my $f, ">", $ARGV[0] or die; truncate $f, 30 * 2 ** 20' part$i; done`,
      256,
    );
    expect(refused).toEqual({ holes: 'TOO_LARGE', part3: 'TOO_LARGE' });
    const part = `${String(30 * 2 ** 20)} bytes`;
    expect(files).toEqual({ part1: part, part2: part, sparse: '' });
  });

  it('ten thousand files cost no more than the limit of files, and the rest is counted', async () => {
    const { files, refused, sight } = await leaving(
      `perl -e 'for (1 .. 10000) { open my $f, ">", sprintf "f%05d", $_ or die; print $f $_ }'`,
    );
    expect(sight).toMatchObject({ verdict: { exitCode: 0 } });
    expect(Object.keys(files)).toHaveLength(artifactLimits.filesMax);
    expect(Object.keys(refused)).toHaveLength(artifactLimits.refusalsMax + 1);
    expect(refused['']).toBe('TOO_MANY_FILES');
  });

  it('a file that is being swapped for a link when the program ends leads nowhere', async () => {
    const { files } = await leaving(`
      (setsid perl -e 'while (1) { open my $f, ">", "moving"; print $f "x" x 1e5; unlink "moving"; symlink "/etc/passwd", "moving"; unlink "moving" }' &)
      sleep 0.2; printf still > still`);
    expect(files['still']).toBe('still');
    expect(JSON.stringify(files)).not.toContain('job:x');
  });
});
