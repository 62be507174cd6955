import { findTemplate } from '../../domain/job-template.ts';
import { artifactLimits } from '../../domain/artifact.ts';
import { defaultLimits } from '../runner.ts';
import type { StartOrder } from '../runner.ts';

/** The interpreters of this machine, as a program sees them. Undefined if there is none. */
export interface Interpreters {
  /** Where the binary lies on the machine; it is mounted to `nodeInside`. */
  readonly node: string | undefined;
  readonly python: string | undefined;
  readonly shell: string | undefined;
}

/** User ids that no account of the machine has: every program that runs has one of them. */
export interface UserRange {
  readonly first: number;
  readonly count: number;
}

const nodeInside = '/opt/node/bin/node';

/**
 * Writes an order down for the supervisor: everything it needs to know, as a
 * row of netstrings, so that no text in it can be taken for another field.
 */
export function writeOrder(
  order: StartOrder,
  places: {
    readonly interpreters: Interpreters;
    readonly users: UserRange;
    readonly group: string;
  },
): Uint8Array {
  const limits = { ...defaultLimits, ...order.limits };
  const memoryBytes = order.memoryMib * 1_024 * 1_024;
  const fields: [string, string | number][] = [
    ['file', findTemplate(order.template)?.file ?? 'main'],
    ['source', order.source],
    ['timeoutMs', order.timeoutSeconds * 1_000],
    ['graceMs', limits.graceMs],
    ['memoryBytes', memoryBytes],
    // Files lie in memory and count as memory: a full disk must come before the end of it.
    ['diskBytes', Math.min(limits.diskBytesMax, memoryBytes / 2)],
    ['processesMax', limits.processesMax],
    ['openFilesMax', limits.openFilesMax],
    ['outputBytesMax', limits.outputBytesMax],
    ['cpuMillicores', order.cpuMillicores],
    ['group', places.group],
    ['node', places.interpreters.node ?? ''],
    ['uidFirst', places.users.first],
    ['uidCount', places.users.count],
    ['artifacts.files', artifactLimits.filesMax],
    ['artifacts.bytes', artifactLimits.bytesMax],
    ['artifacts.entries', artifactLimits.entriesMax],
    ['artifacts.depth', artifactLimits.depthMax],
    ['artifacts.pathBytes', artifactLimits.pathBytesMax],
    ['artifacts.refusals', artifactLimits.refusalsMax],
    ...commandOf(order, places.interpreters).map((word): [string, string] => ['argv', word]),
    ...environmentOf(order).map((word): [string, string] => ['env', word]),
  ];
  return Buffer.concat(
    fields.flatMap(([name, value]) => [netstring(name), netstring(String(value))]),
  );
}

/** Reads a field of an order back, by walking over those before it: none of them can pose as another. */
export function numberIn(order: Uint8Array, name: string): number | undefined {
  const bytes = Buffer.from(order);
  const words: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const colon = bytes.indexOf(':', at);
    const end = colon + 1 + Number(bytes.subarray(at, colon).toString());
    words.push(bytes.subarray(colon + 1, end).toString());
    at = end + 1;
    const isValue = words.length % 2 === 0;
    if (isValue && words.at(-2) === name) return Number(words.at(-1));
  }
  return undefined;
}

function netstring(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from(`${String(bytes.length)}:`), bytes, Buffer.from(',')]);
}

function commandOf(order: StartOrder, { python, shell }: Interpreters): string[] {
  const { args, memoryMib } = order;
  switch (order.template) {
    case 'node':
      // Makes V8 collect in time. It is never reached: the rest of Node counts as memory too.
      return [nodeInside, `--max-old-space-size=${String(memoryMib)}`, '/job/main.mjs', ...args];
    case 'python':
      // Unbuffered, so that what is printed is seen at once.
      return [python ?? '', '-u', '/job/main.py', ...args];
    case 'shell':
      return [shell ?? '', '/job/main.sh', ...args];
  }
}

function environmentOf({ env, key }: StartOrder): string[] {
  const given = {
    PATH: '/opt/node/bin:/usr/local/bin:/usr/bin:/bin',
    HOME: '/work',
    TMPDIR: '/tmp',
    LANG: 'C.UTF-8',
    ...Object.fromEntries(env.map(({ name, value }) => [name, value])),
    FORGE_ARTIFACTS: '/artifacts',
    FORGE_JOB_ID: key.jobId,
  };
  return Object.entries(given).map(([name, value]) => `${name}=${value}`);
}
