import { createHash } from 'node:crypto';

/** A kind of job: what it runs, how it truly ends, and where its workers are killed. */
export interface JobKind {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly end: {
    readonly state: string;
    readonly reason: string | null;
    readonly exitCode: number | null;
  };
  /** Printed by its program: whole, or, where it is ended from outside, the beginning. */
  readonly printed: { readonly texts: readonly string[]; readonly whole: boolean };
  readonly artifacts: Readonly<Record<string, string>>;
  /** Somebody cancels it once it runs. */
  readonly cancelled: boolean;
  /** In the order of its way. */
  readonly points: readonly string[];
}

const resources = { cpuMillicores: 100, memoryMib: 64 };
const sha256 = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('hex');
const numbered = (word: string, count: number): string[] =>
  Array.from({ length: count }, (_none, index) => `${word} ${String(index + 1)}`);

/** Prints a line and a report of progress, after a while and then again and again. */
const printing = (times: number, pauseSeconds: number): string => `
sleep 1
i=0
while [ $i -lt ${String(times)} ]; do
  i=$((i + 1))
  echo "line $i"
  echo "::progress {\\"percent\\":$((i * 100 / ${String(times)})),\\"message\\":\\"step $i\\"}"
  sleep ${String(pauseSeconds)}
done
`;

const message = (name: string): string[] => moments(name, 'before', 'inside', 'committed');
const step = (name: string): string[] => moments(name, 'before', 'inside', 'after');
const tx = (fact: string): string[] => moments(fact, 'inside', 'committed');
const call = (name: string): string[] => moments(`runner.${name}`, 'before', 'after');
function moments(name: string, ...all: readonly string[]): string[] {
  return all.map((moment) => `${name}:${moment}`);
}

const queued = [
  ...message('billing.sandbox.job-submitted'),
  ...message('sandbox.billing.hold-decided'),
  ...message('compliance.audit.recorded.job.submitted'),
  ...message('compliance.audit.recorded.hold.placed'),
  ...tx('admission'),
];
const begun = [
  'enter',
  'begin:before',
  ...tx('begin/CREATING'),
  'begin:after',
  'start:before',
  ...call('start'),
  'start:inside',
  'start:after',
  'watch:before',
  ...tx('watch/RUNNING'),
];
const running = [
  'runner.look=running:after',
  ...call('read'),
  ...tx('watch/log-appended'),
  ...tx('watch/progress'),
  ...call('wait'),
  ...tx('watch/log-appended+'),
  ...tx('watch/progress+'),
  ...tx('watch/usage-sampled'),
];
const seen = ['runner.look=ended:after', ...tx('watch/COLLECTING'), 'watch:inside', 'watch:after'];
const settled = [
  ...message('billing.sandbox.attempt-finished'),
  ...message('sandbox.billing.attempt-settled'),
  ...message('compliance.audit.recorded.charge.settled'),
];
const files = ['runner.artifact:after', ...tx('collect/artifact-added')];
const ending = (state: string): string[] => [
  ...step('collect'),
  ...step('settle'),
  'finish:before',
  ...tx(`finish/${state}`),
  'finish:after',
  'tidy:before',
  ...call('remove'),
  'tidy:inside',
  'tidy:after',
  'leave',
];
const told = message('verticals.sandbox.job-finished');

/**
 * Of every kind but the first, points that differ in nothing from the one before
 * them but in the kind of job are left out.
 */
const alike = new Set([
  ...['enter', 'start:before', 'watch:before', 'collect:before', 'settle:before'],
  ...['finish:before', 'tidy:before', 'leave', 'runner.start:before', 'runner.read:before'],
  ...['runner.wait:after', 'runner.remove:before', 'runner.look=running:after', 'settle:inside'],
  ...tx('watch/log-appended'),
]);
const unlike = (...points: readonly string[]): string[] =>
  points.filter((point) => !alike.has(point));

const zeros = 1_500_000;

/** Every way a program can end. */
export const kinds = {
  succeeds: {
    spec: {
      template: 'shell',
      source: `${printing(20, 0.5)}
printf 'first file' > "$FORGE_ARTIFACTS/one.txt"
mkdir "$FORGE_ARTIFACTS/deep"
head -c ${String(zeros)} /dev/zero > "$FORGE_ARTIFACTS/deep/two.bin"`,
      timeoutSeconds: 100,
      resources,
    },
    end: { state: 'SUCCEEDED', reason: null, exitCode: 0 },
    printed: { texts: numbered('line', 20), whole: true },
    artifacts: { 'one.txt': sha256('first file'), 'deep/two.bin': sha256(Buffer.alloc(zeros)) },
    cancelled: false,
    points: [
      ...[...queued, ...begun, ...running, ...seen, ...settled, ...files],
      ...[...ending('SUCCEEDED'), ...told],
      ...message('compliance.audit.recorded.job.succeeded'),
    ],
  },
  fails: {
    spec: {
      template: 'shell',
      source: `${printing(14, 0.5)}\nprintf 'of a failure' > "$FORGE_ARTIFACTS/log.txt"\nexit 3`,
      timeoutSeconds: 100,
      resources,
    },
    end: { state: 'FAILED', reason: 'EXIT_NON_ZERO', exitCode: 3 },
    printed: { texts: numbered('line', 14), whole: true },
    artifacts: { 'log.txt': sha256('of a failure') },
    cancelled: false,
    points: unlike(...begun, ...running, ...seen, ...files, ...ending('FAILED')),
  },
  'is out of time': {
    spec: { template: 'shell', source: printing(1_000, 0.5), timeoutSeconds: 9, resources },
    end: { state: 'TIMED_OUT', reason: 'DEADLINE_EXCEEDED', exitCode: null },
    printed: { texts: numbered('line', 1_000), whole: false },
    artifacts: {},
    cancelled: false,
    points: unlike(...begun, ...running, ...seen, ...ending('TIMED_OUT')),
  },
  'is cancelled': {
    spec: { template: 'shell', source: printing(3_000, 0.5), timeoutSeconds: 900, resources },
    end: { state: 'CANCELLED', reason: 'CANCELLED_BY_USER', exitCode: null },
    printed: { texts: numbered('line', 3_000), whole: false },
    artifacts: {},
    cancelled: true,
    points: unlike(
      ...[...begun, ...running, ...call('stop'), 'runner.look=ended:after'],
      ...[...tx('watch/usage-sampled+'), 'watch:inside', 'watch:after'],
      ...ending('CANCELLED'),
    ),
  },
  'is killed by a signal': {
    spec: {
      template: 'shell',
      source: `${printing(12, 0.5)}\nkill -9 $$`,
      timeoutSeconds: 100,
      resources,
    },
    end: { state: 'FAILED', reason: 'KILLED_BY_SIGNAL', exitCode: null },
    printed: { texts: numbered('line', 12), whole: true },
    artifacts: {},
    cancelled: false,
    points: unlike(...begun, ...running, ...seen, ...ending('FAILED')),
  },
  'is out of memory': {
    spec: {
      template: 'shell',
      source: `${printing(3, 0.3)}\nx=aaaaaaaaaaaaaaaa\nwhile :; do x=$x$x; done`,
      timeoutSeconds: 100,
      resources: { cpuMillicores: 500, memoryMib: 64 },
    },
    end: { state: 'FAILED', reason: 'OOM_KILLED', exitCode: null },
    printed: { texts: numbered('line', 3), whole: true },
    artifacts: {},
    cancelled: false,
    points: [...seen, 'start:inside', 'collect:inside'],
  },
} as const satisfies Record<string, JobKind>;

export type KindName = keyof typeof kinds;
export const kindNames = Object.keys(kinds) as KindName[];

export function kindOf(name: KindName): JobKind {
  return kinds[name];
}

/** A job has so few points, far from one another: what is in between has to work. */
const pointsPerJob = 3;

/** A job that is to be submitted, and the points of its way at which workers die. */
export interface Planned {
  readonly kind: KindName;
  readonly points: readonly string[];
}

/** The jobs that it takes to be killed at all points, or at those that are named of each kind. */
export function jobsToKill(
  pointsOf: (kind: KindName) => readonly string[] = (kind) => kindOf(kind).points,
): Planned[] {
  return kindNames.flatMap((kind) => {
    const points = pointsOf(kind);
    const jobs = Math.ceil(points.length / pointsPerJob);
    return Array.from({ length: jobs }, (_none, job) => ({
      kind,
      points: points.filter((_point, index) => index % jobs === job),
    }));
  });
}
