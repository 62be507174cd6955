import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { order, readAll } from '../../subgraphs/sandbox/providers/fixtures/run-program.ts';
import { clusterAccess } from '../../subgraphs/sandbox/providers/kubernetes/access.ts';
import { ClusterClient } from '../../subgraphs/sandbox/providers/kubernetes/client.ts';
import { ClusterError } from '../../subgraphs/sandbox/providers/kubernetes/cluster-error.ts';
import type { JobObject } from '../../subgraphs/sandbox/providers/kubernetes/cluster-objects.ts';
import { jobNamed, quick } from '../../subgraphs/sandbox/providers/kubernetes/fixtures/cluster.ts';
import { ListWatch } from '../../subgraphs/sandbox/providers/kubernetes/list-watch.ts';
import type { ListWatchOptions } from '../../subgraphs/sandbox/providers/kubernetes/list-watch.ts';
import { Cluster, eventually, kubeconfigs, ours } from './fixtures/cluster.ts';

/** Only the API server of a cluster that is ours is killed. */
(ours ? describe : describe.skip)('an API server that is killed (faults 1, 2)', () => {
  let cluster: Cluster;
  const watches: ListWatch<JobObject>[] = [];
  const clients: ClusterClient[] = [];
  beforeAll(async () => {
    cluster = await Cluster.open();
    await cluster.tenant('acme');
  });
  afterEach(async () => {
    await Promise.all(watches.splice(0).map((watch) => watch.close()));
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await cluster.admin.ask({ method: 'DELETE', path: jobs });
    await eventually(async () => {
      const { items } = await cluster.admin.granted<{ items: unknown[] }>({ path: jobs });
      return items.length === 0;
    });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  const jobs = '/apis/batch/v1/namespaces/default/jobs';
  const make = async (name: string): Promise<void> => {
    const job = jobNamed(name) as { spec: { template: { spec: object } } };
    const { spec } = job.spec.template;
    Object.assign(job.spec, { suspend: true });
    Object.assign(spec, { restartPolicy: 'Never' });
    await cluster.admin.granted({ method: 'POST', path: jobs, body: job });
  };
  const remove = (name: string) =>
    cluster.admin.granted({
      ...{ method: 'DELETE', path: `${jobs}/${name}` },
      body: { propagationPolicy: 'Background' },
    });

  async function watchJobs(options: Partial<ListWatchOptions>) {
    const client = new ClusterClient(await clusterAccess(kubeconfigs.admin), quick);
    clients.push(client);
    const troubles: unknown[] = [];
    const onTrouble = (error: unknown): void => {
      troubles.push(error);
    };
    const words = { path: jobs, labelSelector: 'app=test', onTrouble, ...options };
    const watch = new ListWatch<JobObject>(client, words);
    watches.push(watch);
    const told: string[] = [];
    watch.on(({ kind, object }) => {
      if (kind !== 'updated') told.push(`${kind} ${object.metadata.name}`);
    });
    await watch.ready();
    return { client, watch, told, troubles };
  }

  it('while programs run is not noticed by them, nor by who reads them', async () => {
    const runner = cluster.newRunner();
    const source = 'for n in $(seq 1 120); do echo $n; sleep 0.1; done; exit 5';
    const one = order({ source, timeoutSeconds: 60 });
    await runner.start(one);
    const reading = readAll(runner, one);
    for (let n = 0; n < 2; n += 1) {
      await sleep(1_500);
      await killApiServer();
      await eventually(isReady);
    }
    const { lines, gaps } = await reading;
    expect(lines.map(({ text }) => text)).toEqual(
      Array.from({ length: 120 }, (_, n) => `${n + 1}`),
    );
    expect(gaps).toEqual([]);
    expect(await runner.look(one.key)).toMatchObject({ kind: 'ended', verdict: { exitCode: 5 } });
    await runner.remove(one.key);
  });

  it('is no end of a watch: what happens after it is told, and nothing twice', async () => {
    const { told, troubles } = await watchJobs({ backoffFirstMs: 50, backoffMsMax: 200 });
    await make('before');
    await eventually(() => told.length === 1);
    await killApiServer();
    await eventually(isReady);
    await make('after');
    await remove('before');
    await eventually(() => told.length === 3);
    expect(told).toEqual(['added before', 'added after', 'deleted before']);
    expect(troubles.length).toBeGreaterThan(0);
  });

  it('that has forgotten what happened says 410, and all of it is told from a new list', async () => {
    const { client, told, troubles } = await watchJobs({ backoffFirstMs: 10 });
    await make('one');
    await make('two');
    await eventually(() => told.length === 2);
    // It is asked again only when there is something that it has forgotten.
    const forgotten = Promise.withResolvers<undefined>();
    const open = client.open.bind(client);
    client.open = async (words) => {
      await forgotten.promise;
      return open(words);
    };
    await killApiServer();
    await eventually(isReady);
    await make('three');
    await remove('one');
    await killApiServer();
    await eventually(isReady);
    await compact();
    forgotten.resolve(undefined);
    await eventually(() => told.length === 4);
    expect(told.slice(2).sort()).toEqual(['added three', 'deleted one']);
    expect(troubles.filter(isExpired)).not.toEqual([]);
  });

  it('between two pages of a list says 410, and the list is begun again', async () => {
    for (const name of ['a', 'b', 'c']) await make(name);
    const { client } = await watchJobs({});
    const call = client.call.bind(client);
    let pages = 0;
    client.call = async (words) => {
      pages += 1;
      if (pages === 2) {
        await make('d');
        await killApiServer();
        await eventually(isReady);
        await compact();
      }
      return call(words);
    };
    const troubles: unknown[] = [];
    const onTrouble = (error: unknown): void => {
      troubles.push(error);
    };
    const watch = new ListWatch<JobObject>(client, {
      ...{ path: jobs, labelSelector: 'app=test', pageSize: 1, onTrouble },
      backoffFirstMs: 10,
    });
    watches.push(watch);
    await watch.ready();
    const names = [...watch.all()].map(({ metadata }) => metadata.name);
    expect(names.sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(troubles.filter(isExpired)).toHaveLength(1);
  });

  async function killApiServer(): Promise<void> {
    const pid = await readFile(join(ours?.folder ?? '', 'kube-apiserver.pid'), 'utf8');
    process.kill(Number(pid), 'SIGKILL');
    await eventually(async () => !(await isReady()));
  }

  async function isReady(): Promise<boolean> {
    const answer = await cluster.admin.ask({ path: '/readyz' }).catch(() => undefined);
    return answer?.status === 200;
  }

  /** Nothing of what was before now can be asked of etcd any more. */
  async function compact(): Promise<void> {
    const etcd = async (path: string, body: object): Promise<unknown> => {
      const answer = await fetch(`${ours?.etcd ?? ''}${path}`, {
        ...{ method: 'POST', body: JSON.stringify(body) },
      });
      return await answer.json();
    };
    const { header } = (await etcd('/v3/kv/range', { key: 'AA==' })) as {
      header: { revision: string };
    };
    await etcd('/v3/kv/compaction', { revision: header.revision, physical: true });
  }
});

function isExpired(error: unknown): boolean {
  return (
    (error instanceof ClusterError && error.status === 410) ||
    (error instanceof Error && error.message.includes('"code":410'))
  );
}
