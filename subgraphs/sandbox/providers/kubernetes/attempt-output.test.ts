import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PodHandle } from '../../../../infra/simulators/kubernetes/pod-handle.ts';
import type { Output } from '../runner.ts';
import { AttemptOutput } from './attempt-output.ts';
import type { AttemptOutputOptions } from './attempt-output.ts';
import { eventually, plant, startCluster } from './fixtures/cluster.ts';
import type { Cluster } from './fixtures/cluster.ts';

let cluster: Cluster;
let pod: PodHandle;
const outputs: AttemptOutput[] = [];
beforeEach(async () => {
  cluster = await startCluster();
  plant(cluster, 'one');
  await eventually(() => cluster.simulator.kubelet.handles[0]?.pod.status.phase === 'Running');
  const [handle] = cluster.simulator.kubelet.handles;
  if (!handle) throw new Error('no pod');
  pod = handle;
});
afterEach(async () => {
  for (const output of outputs.splice(0)) output.close();
  await cluster[Symbol.asyncDispose]();
});

function outputFrom(position = '', options: Partial<AttemptOutputOptions> = {}): AttemptOutput {
  const { namespace = '', name } = pod.pod.metadata;
  const output = new AttemptOutput(
    cluster.client,
    { namespace, pod: name, container: 'main' },
    position,
    { isWrapped: false, backoffFirstMs: 1, backoffMsMax: 5, ...options },
    () => undefined,
  );
  outputs.push(output);
  return output;
}

const bounds = { bytesMax: 1e9, linesMax: 1e9 };
const texts = ({ lines }: Output): string[] => lines.map(({ text }) => text);

async function readWhole(output: AttemptOutput, position = ''): Promise<string[]> {
  const all: string[] = [];
  for (let at = position; ;) {
    const read = output.read(at, bounds);
    all.push(...texts(read), ...(read.gap ? [read.gap.why] : []));
    at = read.position;
    if (read.ended) return all;
    await eventually(() => output.hasMore(at) || output.isWhole);
  }
}

describe('the output of an attempt', () => {
  it('is read no further ahead than its bound, and comes whole all the same', async () => {
    const line = 'x'.repeat(999);
    for (let n = 0; n < 3_000; n += 1) pod.print(`${line}\n`);
    const output = outputFrom('', { aheadBytesMax: 50_000, behindBytesMax: 50_000 });
    await eventually(() => output.hasMore(''));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const first = output.read('', bounds);
    expect(first.lines.length).toBeLessThan(60);
    pod.exited({ exitCode: 0 });
    output.end();
    const rest = await readWhole(output, first.position);
    expect(first.lines.length + rest.length).toBe(3_000);
  });

  it('is asked for again where a reader goes back further than is kept', async () => {
    for (let n = 0; n < 2_000; n += 1) pod.print(`${n} ${'x'.repeat(100)}\n`);
    pod.exited({ exitCode: 0 });
    const output = outputFrom('', { behindBytesMax: 1_000 });
    output.end();
    const once = await readWhole(output);
    expect(once).toHaveLength(2_000);
    expect(await readWhole(output)).toEqual(once);
  });

  it('says that the rest is lost when the pod is gone, once, and to whom comes later too', async () => {
    pod.print('one\n');
    const output = outputFrom();
    await eventually(() => output.hasMore(''));
    cluster.simulator.stallFollowers();
    pod.print('two\n');
    pod.exited({ exitCode: 0 });
    pod.gone();
    cluster.simulator.breakConnections();
    output.gone();
    expect(await readWhole(output)).toEqual(['one', 'LOST']);
    const { position } = output.read('', bounds);
    const late = outputFrom(position);
    late.gone();
    await eventually(() => late.isWhole);
  });

  it('may be read again from the start when the pod is gone, as long as it is not much', async () => {
    for (const text of ['one', 'two', 'three']) pod.print(`${text}\n`);
    const output = outputFrom();
    await eventually(() => texts(output.read('', bounds)).length === 3);
    pod.exited({ exitCode: 0 });
    pod.gone();
    output.gone();
    expect(await readWhole(output)).toEqual(['one', 'two', 'three']);
    expect(await readWhole(output)).toEqual(['one', 'two', 'three']);
  });
});
