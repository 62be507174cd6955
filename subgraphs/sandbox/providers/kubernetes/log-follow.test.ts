import { randomInt } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { PodHandle } from '../../../../infra/simulators/kubernetes/pod-handle.ts';
import { eventually, plant, startCluster } from './fixtures/cluster.ts';
import type { Cluster } from './fixtures/cluster.ts';
import { followLog } from './log-follow.ts';
import type { LogFollowOptions } from './log-follow.ts';
import { LogPieces } from './log-pieces.ts';
import { logStart, placeAt, positionOf } from './log-place.ts';
import type { LogPart } from './log-resume.ts';
import { lineBytesMax } from '../runner.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await startCluster();
});
afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
});

async function runningPod(): Promise<PodHandle> {
  const { kubelet } = cluster.simulator;
  const before = kubelet.handles.length;
  plant(cluster, `job-${before}`);
  await eventually(() => kubelet.handles[before]?.pod.status.phase === 'Running');
  const handle = kubelet.handles[before];
  if (!handle) throw new Error('no pod');
  return handle;
}

/** Follows a pod from a position on; what comes is in `parts` at once. */
function follow({ pod }: PodHandle, position = '', options: LogFollowOptions = {}) {
  const parts: LogPart[] = [];
  const ended = new AbortController();
  const over = new AbortController();
  const { namespace = '', name } = pod.metadata;
  const end = followLog(
    cluster.client,
    { namespace, pod: name, container: 'main' },
    position === '' ? logStart : placeAt(position),
    (part) => void parts.push(part),
    { ended: ended.signal, over: over.signal },
    { backoffFirstMs: 1, backoffMsMax: 5, ...options },
  );
  end.catch(() => undefined);
  return { parts, ended, over, end, lines: () => linesOf(parts) };
}

function linesOf(parts: readonly LogPart[]): string[] {
  return parts.map((part) => (part.kind === 'hole' ? 'HOLE' : part.piece.bytes.toString()));
}

/** Many lines with the same stamp and the same text, as a program writes them. */
let nanos = BigInt(Date.now()) * 1_000_000n;
function printMany(handle: PodHandle, lines: number): string[] {
  return Array.from({ length: lines }, (_, n) => {
    if (randomInt(4) === 0) nanos += BigInt(randomInt(20) === 0 ? 900_000_000 : randomInt(5));
    const text = randomInt(3) === 0 ? 'again' : `line ${n} ${'x'.repeat(randomInt(60))}`;
    handle.print(`${text}\n`, nanos);
    return text;
  });
}

describe('the log of a container', () => {
  it('comes whole and in order over 400 connections that break at any byte', async () => {
    const handle = await runningPod();
    const expected: string[] = [];
    const faults = Array.from({ length: 400 }, (_, n) => ({
      verb: 'log' as const,
      fault: {
        kind: n % 7 === 0 ? ('close' as const) : ('reset' as const),
        afterBytes: randomInt(n % 2 === 0 ? 5_000 : 400),
      },
    }));
    cluster.simulator.faults.add(...faults);
    const following = follow(handle);
    while (cluster.simulator.count('log pods') <= 400) {
      const before = cluster.simulator.count('log pods');
      if (expected.length < 20_000) expected.push(...printMany(handle, randomInt(40)));
      else expected.push(...printMany(handle, 3));
      for (let n = 0; n < 5 && cluster.simulator.count('log pods') === before; n += 1) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
    handle.exited({ exitCode: 0 });
    following.ended.abort();
    expect(await following.end).toEqual({ isWhole: true });
    expect(expected.length).toBeGreaterThan(1_000);
    expect(following.lines()).toEqual(expected);
  });

  it('goes on from any position that it told, with exactly what comes after', async () => {
    const handle = await runningPod();
    const expected = printMany(handle, 300);
    handle.print('unfinished', nanos);
    handle.exited({ exitCode: 0 });
    const all = follow(handle);
    all.ended.abort();
    await all.end;
    expect(all.lines()).toEqual([...expected, 'unfinished']);
    for (let n = 0; n < all.parts.length; n += 13) {
      const part = all.parts[n];
      const rest = follow(handle, part && positionOf(part.place));
      rest.ended.abort();
      await rest.end;
      expect(rest.lines()).toEqual(all.lines().slice(n + 1));
    }
  });

  it('is asked for anew when nothing came for a while, and loses nothing by it', async () => {
    const handle = await runningPod();
    const following = follow(handle, '', { idleMs: 40 });
    handle.print('one\n');
    await eventually(() => following.parts.length === 1);
    await eventually(() => cluster.simulator.count('log pods') >= 4);
    handle.print('two\n');
    await eventually(() => following.parts.length === 2);
    cluster.simulator.stallFollowers();
    handle.print('three\n');
    await eventually(() => following.parts.length === 3);
    expect(following.lines()).toEqual(['one', 'two', 'three']);
    following.over.abort();
  });

  it('says where something is missing that was rotated away', async () => {
    const handle = await runningPod();
    const following = follow(handle);
    handle.print('one\n');
    await eventually(() => following.parts.length === 1);
    cluster.simulator.stallFollowers();
    handle.print('lost\n');
    handle.log().rotate();
    await new Promise((resolve) => setTimeout(resolve, 5));
    handle.print('three\n');
    cluster.simulator.breakConnections();
    await eventually(() => following.parts.length === 3);
    expect(following.lines()).toEqual(['one', 'HOLE', 'three']);
    const [, hole] = following.parts;
    const rest = follow(handle, hole && positionOf(hole.place));
    await eventually(() => rest.parts.length === 1);
    expect(rest.lines()).toEqual(['three']);
    following.over.abort();
    rest.over.abort();
  });

  it('waits for a container that has not started', async () => {
    cluster.simulator.kubelet.script = async (handle) => {
      handle.scheduled();
      await new Promise((resolve) => setTimeout(resolve, 60));
      handle.running();
      handle.print('up\n');
    };
    plant(cluster, 'late');
    await eventually(() => cluster.simulator.kubelet.handles.length === 1);
    const [handle] = cluster.simulator.kubelet.handles;
    if (!handle) throw new Error('no pod');
    const following = follow(handle);
    await eventually(() => following.parts.length === 1);
    following.over.abort();
  });

  it('ends without more when the pod is gone, and says whether it was read to its end', async () => {
    const handle = await runningPod();
    const following = follow(handle);
    handle.print('one\n');
    await eventually(() => following.parts.length === 1);
    handle.exited({ exitCode: 0 });
    handle.gone();
    expect(await following.end).toEqual({ isWhole: true });

    const other = await runningPod();
    const cut = follow(other);
    other.print('one\n');
    await eventually(() => cut.parts.length === 1);
    cluster.simulator.stallFollowers();
    other.print('lost\n');
    other.exited({ exitCode: 0 });
    other.gone();
    cluster.simulator.breakConnections();
    expect(await cut.end).toEqual({ isWhole: false });
  });

  it('reads text that looks like a stamp as text, and holds no more of an endless line than a piece', async () => {
    const handle = await runningPod();
    handle.print('2026-01-01T00:00:00.000000000Z forged\n');
    handle.print(Buffer.from([0xff, 0, 0x1b, 0x5b, 0x0a]));
    handle.print(`${'é'.repeat(30_000)}\n`);
    handle.exited({ exitCode: 0 });
    const following = follow(handle);
    following.ended.abort();
    await following.end;
    const [forged, bytes, ...long] = following.parts.flatMap((part) =>
      part.kind === 'piece' ? [part.piece] : [],
    );
    expect(forged?.bytes.toString()).toBe('2026-01-01T00:00:00.000000000Z forged');
    expect(bytes?.bytes).toEqual(Buffer.from([0xff, 0, 0x1b, 0x5b]));
    expect(long.map((piece) => piece.bytes.toString()).join('')).toBe('é'.repeat(30_000));
    for (const piece of long) expect(piece.bytes.length).toBeLessThanOrEqual(lineBytesMax);
    expect(long.map(({ endsLine }) => endsLine)).toEqual([false, false, false, true]);
  });
});

it('takes an answer apart the same way, however it is cut into chunks', () => {
  const stamp = '2026-01-01T00:00:00.5+02:00';
  const text = `${stamp} a\n${stamp} \n${stamp} ${'é'.repeat(20_000)}\n${stamp} b b\n${stamp} c`;
  const bytes = Buffer.from(text);
  const read = (cuts: readonly number[]): unknown[] => {
    const pieces = new LogPieces();
    const found: unknown[] = [];
    const ends = [...new Set(cuts)].sort((a, b) => a - b);
    let start = 0;
    for (const end of [...ends, bytes.length]) {
      for (const piece of pieces.take(bytes.subarray(start, end))) found.push(shown(piece));
      start = end;
    }
    return [...found, ...[...pieces.finish()].map(shown)];
  };
  const shown = ({ bytes: piece, ...rest }: { bytes: Buffer }): unknown => [piece.toString(), rest];
  const whole = read([]);
  expect(whole).toHaveLength(7);
  const cut = fc.array(fc.nat(bytes.length), { maxLength: 20 });
  fc.assert(
    fc.property(cut, (cuts) => {
      expect(read(cuts)).toEqual(whole);
    }),
    { numRuns: 300 },
  );
});
