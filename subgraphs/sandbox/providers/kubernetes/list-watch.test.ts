import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Fault } from '../../../../infra/simulators/kubernetes/faults.ts';
import type { KubeObject } from '../../../../infra/simulators/kubernetes/objects.ts';
import { resources } from '../../../../infra/simulators/kubernetes/resources.ts';
import type { SimulatorOptions } from '../../../../infra/simulators/kubernetes/simulator.ts';
import { eventually, plant, quick, startCluster } from './fixtures/cluster.ts';
import type { Cluster } from './fixtures/cluster.ts';
import { ListWatch } from './list-watch.ts';
import type { ListWatchOptions, WatchChange } from './list-watch.ts';

interface Watching extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly watch: ListWatch<KubeObject>;
  readonly changes: WatchChange<KubeObject>[];
  readonly troubles: unknown[];
  isInStep(): boolean;
}

async function startWatch(
  options: Partial<ListWatchOptions> & SimulatorOptions = {},
): Promise<Watching> {
  const client = { ...quick, timeoutMs: 200 };
  const cluster = await startCluster({ bookmarkMs: 20, client, ...options });
  const troubles: unknown[] = [];
  const watch = new ListWatch<KubeObject>(cluster.client, {
    path: '/apis/batch/v1/jobs',
    labelSelector: 'app=test',
    backoffFirstMs: 2,
    backoffMsMax: 20,
    onTrouble: (error) => troubles.push(error),
    ...options,
  });
  const changes: WatchChange<KubeObject>[] = [];
  watch.on((change) => changes.push(change));
  await watch.ready();
  const shown = (objects: Iterable<KubeObject>): string =>
    [...objects]
      .map(({ metadata: { uid, resourceVersion } }) => `${uid} ${resourceVersion}`)
      .sort()
      .join();
  return {
    cluster,
    watch,
    changes,
    troubles,
    isInStep: () => shown(watch.all()) === shown(cluster.simulator.store.list(resources.jobs)),
    [Symbol.asyncDispose]: async () => {
      await watch.close();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

function touch({ simulator }: Cluster, name: string): void {
  const found = simulator.store.find(resources.jobs, 'default', name);
  if (!found) return;
  simulator.store.update(resources.jobs, found, (draft) => {
    draft.metadata.annotations = { touched: String(Math.random()) };
  });
}

function drop({ simulator }: Cluster, name: string): void {
  const found = simulator.store.find(resources.jobs, 'default', name);
  if (!found) return;
  simulator.store.update(resources.jobs, found, (draft) => {
    draft.metadata.deletionTimestamp = 'now';
  });
}

/** What was told of one name, in its order. */
const told = ({ changes }: Watching, name: string): string[] =>
  changes.filter(({ object }) => object.metadata.name === name).map(({ kind }) => kind);

describe('a list that is watched', () => {
  it('lists in pages and tells of each object once', async () => {
    await using cluster = await startCluster();
    for (let n = 0; n < 23; n += 1) plant(cluster, `job-${n}`);
    const seen: string[] = [];
    const watch = new ListWatch<KubeObject>(cluster.client, {
      path: '/apis/batch/v1/jobs',
      labelSelector: 'app=test',
      pageSize: 5,
    });
    watch.on(({ kind, object }) => seen.push(`${kind} ${object.metadata.name}`));
    await watch.ready();
    expect(cluster.simulator.count('list jobs')).toBe(5);
    expect(new Set(seen).size).toBeGreaterThanOrEqual(23);
    expect(seen.filter((one) => one.startsWith('added'))).toHaveLength(23);
    await watch.close();
  });

  it('begins its pages anew when the rest of a list is too old', async () => {
    await using cluster = await startCluster();
    for (let n = 0; n < 9; n += 1) plant(cluster, `job-${n}`);
    cluster.simulator.faults.add(
      { verb: 'list', fault: { kind: 'delay', ms: 0 } },
      { verb: 'list', fault: { kind: 'status', code: 410 } },
    );
    const options = { path: '/apis/batch/v1/jobs', labelSelector: 'app=test', pageSize: 5 };
    const watch = new ListWatch<KubeObject>(cluster.client, { ...options, backoffFirstMs: 2 });
    await watch.ready();
    expect([...watch.all()]).toHaveLength(9);
    await watch.close();
  });

  it('goes on from the last version when a watch ends, without telling anything twice', async () => {
    await using watching = await startWatch();
    const { cluster } = watching;
    plant(cluster, 'one');
    await eventually(() => watching.isInStep());
    for (let n = 0; n < 5; n += 1) {
      cluster.simulator.breakConnections();
      touch(cluster, 'one');
      await eventually(() => watching.isInStep());
    }
    expect(told(watching, 'one').filter((kind) => kind === 'added')).toHaveLength(1);
    expect(cluster.simulator.count('list jobs')).toBe(1);
  });

  it.each<[string, Fault]>([
    ['a connection that is reset', { kind: 'reset', afterBytes: 10 }],
    ['a 429', { kind: 'status', code: 429, retryAfterSeconds: 0 }],
    ['a 500', { kind: 'status', code: 500 }],
    ['a 503', { kind: 'status', code: 503 }],
    ['410 as an answer', { kind: 'status', code: 410 }],
    ['410 as an event', { kind: 'gone-event' }],
    ['a line that is cut off', { kind: 'close', afterBytes: 100 }],
    ['a line that is no JSON', { kind: 'garbage', afterBytes: 0 }],
  ])('survives %s, however often, and is in step afterwards', async (_, fault) => {
    await using watching = await startWatch();
    const { cluster } = watching;
    cluster.simulator.faults.add({ verb: 'watch', fault, times: 6 });
    cluster.simulator.breakConnections();
    for (let n = 0; n < 6; n += 1) {
      plant(cluster, `job-${n}`);
      touch(cluster, 'job-0');
      await eventually(() => watching.isInStep());
    }
    drop(cluster, 'job-0');
    await eventually(() => watching.isInStep());
    expect(told(watching, 'job-0').at(-1)).toBe('deleted');
  });

  it('survives a list that fails, again and again', async () => {
    await using watching = await startWatch();
    const { cluster } = watching;
    cluster.simulator.faults.add(
      { verb: 'watch', fault: { kind: 'gone-event' } },
      { verb: 'list', fault: { kind: 'status', code: 503 }, times: 9 },
    );
    cluster.simulator.breakConnections();
    plant(cluster, 'one');
    await eventually(() => watching.isInStep());
  });

  it('finds what was deleted while it could not see, and tells nothing that is as it was', async () => {
    await using watching = await startWatch();
    const { cluster } = watching;
    plant(cluster, 'stays');
    plant(cluster, 'goes');
    await eventually(() => watching.isInStep() && watching.changes.length >= 4);
    const before = told(watching, 'stays').length;
    cluster.simulator.faults.add({ verb: 'watch', fault: { kind: 'status', code: 503 }, times: 3 });
    cluster.simulator.breakConnections();
    drop(cluster, 'goes');
    cluster.simulator.store.compact();
    await eventually(() => told(watching, 'goes').includes('deleted'));
    expect(told(watching, 'stays')).toHaveLength(before);
    expect(cluster.simulator.count('list jobs')).toBeGreaterThan(1);
  });

  it('tells a name that was deleted and made again as two objects', async () => {
    await using watching = await startWatch();
    const { cluster } = watching;
    const { metadata } = plant(cluster, 'one');
    await eventually(() => watching.isInStep());
    cluster.simulator.faults.add({ verb: 'watch', fault: { kind: 'status', code: 503 }, times: 3 });
    cluster.simulator.breakConnections();
    drop(cluster, 'one');
    const again = plant(cluster, 'one');
    cluster.simulator.store.compact();
    await eventually(() => watching.isInStep());
    const uids = watching.changes
      .filter(({ kind }) => kind !== 'updated')
      .map(({ kind, object }) => [kind, object.metadata.uid]);
    expect(uids).toEqual([
      ['added', metadata.uid],
      ['deleted', metadata.uid],
      ['added', again.metadata.uid],
    ]);
  });

  it('leaves a watch on which nothing comes, and is in step again', async () => {
    await using watching = await startWatch({ quietMsMax: 80 });
    const { cluster } = watching;
    cluster.simulator.faults.add({
      verb: 'watch',
      fault: { kind: 'hang', afterBytes: 0 },
      times: 2,
    });
    cluster.simulator.breakConnections();
    await eventually(() => cluster.simulator.count('watch jobs') >= 2);
    plant(cluster, 'one');
    await eventually(() => watching.isInStep());
    expect(String(watching.troubles)).toContain('nothing came for 80 ms');
  });

  it('keeps up with versions by bookmarks: a quiet kind is not listed again', async () => {
    await using watching = await startWatch({ watchSeconds: 1 });
    const { cluster } = watching;
    cluster.simulator.store.create(
      resources.secrets,
      { metadata: { name: 'other' } as never },
      'default',
    );
    await eventually(() => cluster.simulator.count('watch jobs') >= 1);
    await new Promise((resolve) => setTimeout(resolve, 60));
    cluster.simulator.store.compact();
    await new Promise((resolve) => setTimeout(resolve, 60));
    cluster.simulator.breakConnections();
    await eventually(() => cluster.simulator.count('watch jobs') >= 2);
    plant(cluster, 'one');
    await eventually(() => watching.isInStep());
    expect(cluster.simulator.count('list jobs')).toBe(1);
  });
});

const changeOf = {
  touch,
  drop,
  plant: (cluster: Cluster, name: string): void => {
    if (!cluster.simulator.store.find(resources.jobs, 'default', name)) plant(cluster, name);
  },
};

it('equals the server after any sequence of changes and faults', async () => {
  const name = fc.integer({ min: 0, max: 3 }).map((n) => `job-${n}`);
  const faults: fc.Arbitrary<Fault> = fc.oneof(
    fc.record({
      kind: fc.constantFrom('reset' as const, 'close' as const, 'garbage' as const),
      afterBytes: fc.nat(900),
    }),
    fc.record({ kind: fc.constant('hang' as const), afterBytes: fc.nat(900) }),
    fc.record({
      kind: fc.constant('status' as const),
      code: fc.constantFrom(410, 429, 500, 503),
      retryAfterSeconds: fc.constant(0),
    }),
    fc.constant({ kind: 'gone-event' as const }),
  );
  const step = fc.oneof(
    fc.record({ do: fc.constantFrom('plant' as const, 'touch' as const, 'drop' as const), name }),
    fc.record({
      verb: fc.constantFrom('watch' as const, 'list' as const),
      fault: faults,
    }),
    fc.record({ do: fc.constantFrom('break' as const, 'compact' as const, 'pause' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await using watching = await startWatch({ quietMsMax: 60, pageSize: 2 });
      const { cluster, changes } = watching;
      const { simulator } = cluster;
      for (const one of steps) {
        if ('fault' in one) simulator.faults.add(one);
        else if ('name' in one) changeOf[one.do](cluster, one.name);
        else if (one.do === 'break') simulator.breakConnections();
        else if (one.do === 'compact') simulator.store.compact();
        else await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await eventually(() => watching.isInStep(), 10_000);
      const alive = new Map<string, string>();
      for (const { kind, object } of changes) {
        const { name: key, uid } = object.metadata;
        expect(alive.get(key)).toBe(kind === 'added' ? undefined : uid);
        if (kind === 'deleted') alive.delete(key);
        else alive.set(key, uid);
      }
    }),
    { numRuns: 60 },
  );
}, 120_000);
