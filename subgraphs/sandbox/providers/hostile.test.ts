import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { amRoot, directMode, removeRoots, userMode } from './fixtures/modes.ts';
import type { Mode } from './fixtures/modes.ts';
import { processesLike } from './fixtures/processes.ts';
import { order } from './fixtures/run-program.ts';
import { callingProgram, otherDoorProgram, refusedCalls } from './fixtures/system-calls.ts';

afterAll(removeRoots);

const modes = amRoot
  ? ([
      ['as root', directMode],
      ['as an ordinary user', userMode],
    ] as const)
  : ([['as an ordinary user', directMode]] as const);

describe.each(modes)('a hostile program, run %s,', (_, makeMode) => {
  let mode: Mode;
  beforeAll(async () => {
    mode = await makeMode();
  });
  const shell = async (source: string): Promise<string> =>
    (await mode.run(order({ source: `exec 2>&1\n${source}` }))).stdout;

  rights(shell);
  surroundings(shell);
  network(shell);
  greed(() => mode);
});

type Shell = (source: string) => Promise<string>;

function rights(shell: Shell): void {
  it('has no rights, cannot get any, and is filtered', async () => {
    const status = await shell('cat /proc/self/status');
    expect(status).toMatch(/^Uid:\s+1000\s+1000\s+1000\s+1000$/m);
    expect(status).toMatch(/^Groups:\s*$/m);
    for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb']) {
      expect(status).toMatch(new RegExp(`^Cap${set}:\\s+0{16}$`, 'm'));
    }
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
  });

  it('is refused every system call that reaches out', async () => {
    const told = (await shell(callingProgram())).split('\n');
    const [eperm, enosys, eafnosupport] = [1, 38, 97];
    expect(told).toEqual([
      ...refusedCalls.map((name) => `${name} ${String(eperm)}`),
      `clone3 ${String(enosys)}`,
      `newer than known ${String(enosys)}`,
      `x32 ${String(enosys)}`,
      `netlink socket ${String(eafnosupport)}`,
      `packet socket ${String(eafnosupport)}`,
      `vsock ${String(eafnosupport)}`,
    ]);
  });

  (process.arch === 'x64' ? it : it.skip)('is killed when it takes the 32-bit door', async () => {
    const sigsys = 128 + 31;
    expect(await shell(otherDoorProgram())).toContain(`ended ${String(sigsys)}`);
  });

  it('cannot become root by setuid programs, nor make any', async () => {
    expect(await shell('su -c "echo root" < /dev/null; sudo -n echo root')).not.toMatch(/^root$/m);
    const source = `
      perl -e 'use POSIX (); for (0, 33) { print POSIX::setuid($_) ? "ok" : "no", "\\n" }'
      cp /usr/bin/id mine && chmod u+s mine && ./mine -u
      mknod $PWD/disk b 8 0 || echo no device`;
    expect(await shell(source)).toMatch(/^no\nno\n1000\n[^]*no device$/);
  });

  it('cannot touch the first process or the limits that hold it', async () => {
    const source = `
      kill -9 1; kill -STOP 1
      for f in fd environ mem maps root/usr cwd/usr; do head -c1 /proc/1/$f > /dev/null && echo read $f; done
      ls /proc/1/fd && echo listed
      ulimit -u unlimited; ulimit -n 999999; ulimit -f unlimited; ulimit -c unlimited
      echo "still $(ulimit -c)"`;
    const told = await shell(source);
    expect(told).toContain('still 0');
    expect(told).not.toMatch(/^(read|listed)/m);
  });
}

function surroundings(shell: Shell): void {
  it('sees a tree of its own, read-only but for its own folders', async () => {
    const source = `
      ls -A /
      for d in / /usr /usr/bin /etc /job /opt /dev /proc /proc/sys/kernel; do touch $d/x 2> /dev/null && echo "wrote $d"; done
      echo more >> /job/main.sh; rm -f /job/main.sh; chmod 777 /etc
      for d in /work /tmp /artifacts /dev/shm; do touch $d/x && echo "may $d"; done
      ls -A /work; pwd`;
    const lines = (await shell(source)).split('\n');
    const tree = [
      'artifacts',
      'bin',
      'dev',
      'etc',
      'job',
      'lib',
      'lib32',
      'lib64',
      'libx32',
      'opt',
      'proc',
      'sbin',
      'tmp',
      'usr',
      'work',
    ];
    const listed = lines.slice(0, lines.indexOf('work') + 1);
    expect(listed.filter((name) => !tree.includes(name))).toEqual([]);
    expect(lines.filter((line) => line.startsWith('wrote'))).toEqual([]);
    expect(lines.slice(-6)).toEqual([
      'may /work',
      'may /tmp',
      'may /artifacts',
      'may /dev/shm',
      'x',
      '/work',
    ]);
  });

  it('finds no file of the machine', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'forge-secret-'));
    await writeFile(join(folder, 'secret'), 'TOP-SECRET', { mode: 0o666 });
    const places = [
      folder,
      '/tmp/' + folder,
      '/root',
      '/home',
      '/var',
      '/run',
      '/sys',
      '/mnt',
      import.meta.dirname,
    ];
    const told = await shell(
      `for p in ${places.join(' ')}; do test -e $p && echo "is there: $p"; done
       cat ${folder}/secret /etc/shadow /proc/1/root${folder}/secret /proc/self/root/../..${folder}/secret
       cat /proc/kcore /proc/kmsg /proc/keys /proc/kallsyms /proc/cmdline | wc -c`,
    );
    await rm(folder, { recursive: true });
    expect(told).not.toMatch(/is there|TOP-SECRET|root:/);
    expect(told).toMatch(/^0$/m);
  });

  it('cannot open a setting of the machine for writing', async () => {
    const settings = [
      'kernel/core_pattern',
      'kernel/hostname',
      'vm/overcommit_memory',
      'kernel/modprobe',
      'user/max_user_namespaces',
    ];
    const source = settings
      .map(
        (name) => `perl -e 'print open(my $f, "+<", "/proc/sys/${name}") ? "open" : "shut", "\\n"'`,
      )
      .join('\n');
    const told = await shell(
      `${source}\nperl -e 'print open(my $f, ">", "/proc/sysrq-trigger") && -c $f ? "null" : "shut", "\\n"'`,
    );
    expect(told.split('\n').slice(0, settings.length)).toEqual(settings.map(() => 'shut'));
  });

  it('sees and reaches its own processes only', async () => {
    const source = `
      for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done
      kill -0 ${String(process.pid)} && echo "reached the host"
      kill -9 -1; echo unreachable`;
    const told = await shell(source);
    expect(told).toMatch(/^init\s*$/m);
    expect(told).not.toMatch(/jest|forge|supervisor|reached the host/);
  });

  it('is told nothing but its own environment', async () => {
    process.env['FORGE_TEST_SECRET'] = 'leaks';
    const told = await shell('env | sort; hostname; cat /proc/self/cgroup; cat /etc/passwd');
    const [names, rest] = [told.match(/^[A-Z_]+(?==)/gm), told];
    expect(names).toEqual([
      'FORGE_ARTIFACTS',
      'FORGE_JOB_ID',
      'HOME',
      'LANG',
      'PATH',
      'PWD',
      'TMPDIR',
    ]);
    expect(rest).toMatch(/^sandbox$/m);
    expect(rest).not.toMatch(/leaks|forge-[0-9a-f]+|root:/);
  });
}

function network(shell: Shell): void {
  let server: Server;
  let heard = 0;
  beforeAll(async () => {
    server = createServer(() => (heard += 1));
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  });
  afterAll(() => {
    server.close();
  });

  it('reaches no network: not the host, not the metadata service, no name, no abstract socket', async () => {
    const { port } = server.address() as AddressInfo;
    const abstract = `forge-test-${String(process.pid)}-${String(port)}`;
    const local = createServer(() => (heard += 1));
    await new Promise<void>((resolve) => local.listen(`\0${abstract}`, resolve));
    const connect = (to: string): string =>
      `perl -MSocket -e 'socket(my $s, ${to}) or die; print connect($s, $a) ? "connected" : "no: $!", "\\n"' 2>&1`;
    const inet = (host: string, at: number): string =>
      connect(`AF_INET, SOCK_STREAM, 0`).replace(
        'print',
        `my $a = sockaddr_in(${String(at)}, inet_aton("${host}")); print`,
      );
    const told = await shell(
      [
        inet('127.0.0.1', port),
        inet('169.254.169.254', 80),
        inet('1.1.1.1', 53),
        connect('AF_UNIX, SOCK_STREAM, 0').replace(
          'print',
          `my $a = pack_sockaddr_un("\\0${abstract}"); print`,
        ),
        `perl -e 'print gethostbyname("example.com") ? "resolved" : "no name", "\\n"'`,
        'tail -n +3 /proc/net/dev | cut -d: -f1',
      ].join('\n'),
    );
    local.close();
    expect(told).not.toMatch(/^(connected|resolved)/m);
    expect(told.match(/^no/gm)).toHaveLength(5);
    expect(
      told
        .split('\n')
        .slice(5)
        .map((name) => name.trim()),
    ).toEqual(['lo']);
    expect(heard).toBe(0);
  });
}

function greed(mode: () => Mode): void {
  it('stops at its number of processes, and leaves none', async () => {
    const mark = `sleep 7${String(process.pid)}`;
    const source = `
      perl -e 'my $n = 0; while (defined(my $p = fork)) { exec "${mark}" if $p == 0; $n++ } print "forked $n: ", $! + 0, "\\n"'`;
    const { stdout, sight } = await mode().run(
      order({ source, memoryMib: 256, limits: { processesMax: 40 } }),
    );
    expect(stdout).toMatch(/^forked 3\d: 11$/);
    expect(sight).toMatchObject({ verdict: { exitCode: 0 } });
    expect(await processesLike(mark)).toEqual([]);
  });

  it('takes what it started with it, however far that ran', async () => {
    const mark = `sleep 8${String(process.pid)}`;
    const source = `(setsid sh -c '(trap "" HUP TERM; exec ${mark}) &' &) ; sleep 0.1; echo main is done`;
    const { stdout, sight } = await mode().run(order({ source }));
    expect(stdout).toBe('main is done');
    expect(sight).toMatchObject({ verdict: { exitCode: 0 } });
    expect(sight.kind === 'ended' && sight.usage.wallMs).toBeLessThan(3_000);
    expect(await processesLike(mark)).toEqual([]);
  });

  it('is told apart by the counter when memory ends it, or only a child', async () => {
    const bomb = 'perl -e \'my @a; push @a, "x" x 1e6 while 1\'';
    const direct = await mode().run(order({ source: `exec ${bomb}`, memoryMib: 48 }));
    expect(direct.sight).toMatchObject({ verdict: { oomKilled: true, signal: 'SIGKILL' } });
    const child = await mode().run(order({ source: `${bomb}; exit 0`, memoryMib: 48 }));
    expect(child.sight).toMatchObject({ verdict: { oomKilled: true, timedOut: false } });
    const node = await mode().run(
      order({
        template: 'node',
        source: 'const a = []; for (;;) a.push(Array(1e5).fill(1.5))',
        memoryMib: 96,
      }),
    );
    expect(node.sight).toMatchObject({ verdict: { oomKilled: true } });
    const innocent = await mode().run(order({ source: 'kill -9 $$' }));
    expect(innocent.sight).toMatchObject({ verdict: { oomKilled: false, signal: 'SIGKILL' } });
  });

  it('fills its own disk and no other, in bytes and in files', async () => {
    const source = `
      dd if=/dev/zero of=/work/a bs=64k count=10000 2> /dev/null || echo full
      dd if=/dev/zero of=/tmp/b bs=64k count=1 2> /dev/null || echo full too
      ls -l /work/a | awk '{ print $5 }'`;
    const { stdout, sight } = await mode().run(
      order({ source, limits: { diskBytesMax: 8_388_608 } }),
    );
    expect(stdout).toBe('full\nfull too\n8388608');
    expect(sight).toMatchObject({ verdict: { diskLimit: true, oomKilled: false } });
    const many = `perl -e 'my $n = 0; $n++ while open my $f, ">", "/work/$n"; print $n < 20000 ? "stopped" : "never", "\\n"'`;
    const files = await mode().run(order({ source: many }));
    expect(files).toMatchObject({ stdout: 'stopped', sight: { verdict: { diskLimit: true } } });
  });

  it('cannot flood us: what is too much is counted, and ends it', async () => {
    const outputBytesMax = 1_000_000;
    const { sight, lines, gaps } = await mode().run(
      order({ source: 'yes', limits: { outputBytesMax } }),
    );
    expect(sight).toMatchObject({ verdict: { outputLimit: true, signal: 'SIGKILL' } });
    expect(lines.reduce((sum, { text }) => sum + text.length + 1, 0)).toBe(outputBytesMax);
    expect(gaps).toMatchObject([{ why: 'OUTPUT_LIMIT' }]);
    expect(gaps[0]?.bytes).toBeGreaterThan(0);
  });
}
