import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { attemptObjects } from './attempt.ts';
import { specHash } from './attempt/order.ts';
import type { AttemptOrder } from './attempt/order.ts';
import { ownedBy } from './attempt/secret.ts';
import { full, objectsOf, order, plain, richOrder } from './fixtures/samples.ts';
import { annotationNames, attemptName, attemptSelector, tenantNamespace } from './names.ts';
import type { Container, PodSpec, Secret } from './objects.ts';
import { violations } from './rules.ts';
import { quantity } from './rules/quantity.ts';

describe('the name of an attempt', () => {
  it('is made of the id and the number, the same each time', () => {
    expect(attemptName({ jobId: 'job_01k4w9f6q8r0s1t2v3w4x5y6z7', attempt: 2 })).toBe(
      'fj-01k4w9f6q8r0s1t2v3w4x5y6z7-a2',
    );
  });

  it('leaves room for the end of a pod’s name, is a name to Kubernetes, and another for another attempt', () => {
    const key = fc.record({ jobId: fc.string(), attempt: fc.integer({ min: 1, max: 9_999 }) });
    fc.assert(
      fc.property(key, key, (a, b) => {
        const isSame = a.jobId === b.jobId && a.attempt === b.attempt;
        return (
          attemptName(a).length <= 52 &&
          /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(attemptName(a)) &&
          (attemptName(a) === attemptName(b)) === isSame
        );
      }),
    );
  });
});

describe('the objects of an attempt', () => {
  it('are the same whenever they are asked for, so that a second asking finds the first', () => {
    expect(objectsOf(structuredClone(richOrder), full)).toEqual(objectsOf(richOrder, full));
  });

  it('break no rule, whatever a program is', () => {
    fc.assert(
      fc.property(anyOrder, (asked) => {
        const { job, secret } = objectsOf(asked, full);
        expect(violations('Job', job, full)).toEqual([]);
        expect(violations('Secret', secret, full)).toEqual([]);
      }),
    );
  });

  it('lie in the namespace of the tenant and are found by one selector for all', () => {
    const { namespace, job, secret } = objectsOf(order, plain);
    expect([job, secret].map(({ metadata }) => metadata?.namespace)).toEqual([
      namespace,
      namespace,
    ]);
    expect(namespace).toBe(tenantNamespace(order.tenantId));
    const labels = Object.entries(job.metadata?.labels ?? {}).map((pair) => pair.join('='));
    expect(labels).toEqual(expect.arrayContaining(attemptSelector.split(',')));
  });

  it('end the program in time: the kubelet first, the Job controller a minute later', () => {
    const { spec } = objectsOf({ ...order, timeoutSeconds: 100 }, plain).job;
    expect(spec?.template.spec?.activeDeadlineSeconds).toBe(360 + 100 + 30);
    expect(spec?.activeDeadlineSeconds).toBe(360 + 100 + 30 + 60);
  });

  it('wait for Kueue where there is a queue, and for nothing where there is none', () => {
    expect(objectsOf(order, full).job).toMatchObject({
      metadata: { labels: { 'kueue.x-k8s.io/queue-name': 'sandbox' } },
      spec: { suspend: true },
    });
    expect(objectsOf(order, plain).job.spec).not.toHaveProperty('suspend');
  });

  it('are none for a template without an image', () => {
    const { node } = plain.templates;
    const onlyNode = { ...plain, templates: { ...(node ? { node } : {}) } };
    expect(attemptObjects(order, onlyNode)).toMatchObject({ kind: 'refused' });
  });

  it('are none for an attempt that may ask a proxy where there is none', () => {
    expect(attemptObjects({ ...order, egress: 'proxy' }, plain)).toMatchObject({ kind: 'refused' });
  });
});

describe('the hash of a spec', () => {
  const changes: Partial<AttemptOrder>[] = [
    { tenantId: 'globex' },
    { key: { ...order.key, attempt: 2 } },
    { egress: 'proxy' },
    { template: 'node' },
    { source: 'print("bye")\n' },
    { args: ['--name World'] },
    { env: [{ name: 'GREETING', value: 'bye' }] },
    { timeoutSeconds: 61 },
    { cpuMillicores: 501 },
    { memoryMib: 257 },
    { limits: { processesMax: 2 } },
  ];

  it.each(changes)('is another for %j', (change) => {
    expect(specHash({ ...order, ...change })).not.toBe(specHash(order));
  });

  it('is the same with another upload token: who asks again brings a new one', () => {
    expect(specHash({ ...richOrder, uploadToken: 'another' })).toBe(specHash(richOrder));
  });

  it('is told on the Job', () => {
    const { job } = objectsOf(order, plain);
    expect(job.metadata?.annotations?.[annotationNames.specHash]).toBe(specHash(order));
  });
});

describe('what a program is told', () => {
  it('is exactly its arguments: the kubelet would replace $(NAME) in them', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (args) => {
        expect(
          programOf({ ...order, args })
            .args?.slice(1)
            .map(asKubeletReads),
        ).toEqual(args);
      }),
    );
    expect(programOf({ ...order, args: ['$(HOME)'] }).args).toContain('$$(HOME)');
  });

  it('is its variables from the Secret, so that no list of Jobs shows them', () => {
    const env = [{ name: 'KEY', value: 's3cr3t $(HOME)' }];
    const { job, secret } = objectsOf({ ...order, env }, plain);
    expect(JSON.stringify(job)).not.toContain('s3cr3t');
    expect(programOf({ ...order, env }).env).toContainEqual({
      name: 'KEY',
      valueFrom: {
        secretKeyRef: { name: attemptName(order.key), key: 'env.0', optional: false },
      },
    });
    expect(content(secret, 'env.0')).toBe('s3cr3t $(HOME)');
  });

  it('is each variable once: its own instead of ours, but never instead of FORGE_…', () => {
    const env = [
      { name: 'HOME', value: '/elsewhere' },
      { name: 'FORGE_JOB_ID', value: 'another' },
    ];
    const found = programOf({ ...order, env }).env ?? [];
    const names = found.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(found.find(({ name }) => name === 'HOME')?.valueFrom).toBeDefined();
    expect(found.find(({ name }) => name === 'FORGE_JOB_ID')?.value).toBe(order.key.jobId);
  });

  it('is nothing of where the API server is', () => {
    const found = programOf(order).env ?? [];
    expect(
      found.filter(({ name, value }) => name.startsWith('KUBERNETES_') && value !== ''),
    ).toEqual([]);
  });

  it('is its source as a file that it cannot change', () => {
    const pod = podOf(objectsOf(order, plain).job.spec?.template.spec);
    const volume = pod.volumes?.find(({ name }) => name === 'job')?.secret;
    expect(volume?.items).toEqual([{ key: 'source', path: 'main.py', mode: 0o444 }]);
    expect(programOf(order).args?.[0]).toBe('/job/main.py');
    expect(content(objectsOf(order, plain).secret, 'source')).toBe(order.source);
  });

  it('goes through the wrapper where there is one', () => {
    const { spec } = objectsOf({ ...richOrder, limits: { graceMs: 1_000 } }, full).job;
    expect(podOf(spec?.template.spec).containers[0]?.command).toEqual([
      '/forge-run',
      '--processes=256',
      '--open-files=1024',
      '--timeout-ms=60000',
      '--grace-ms=1000',
      '--output-bytes=52428800',
      '--',
      '/usr/local/bin/node',
      '--max-old-space-size=256',
    ]);
  });
});

describe('the room of a program', () => {
  it('is what it asked for, and no less is kept for it', () => {
    const { resources } = programOf({ ...order, cpuMillicores: 250, memoryMib: 100 });
    expect(resources?.limits).toMatchObject({ cpu: '250m', memory: '100Mi' });
    expect(resources?.requests).toEqual(resources?.limits);
  });

  it('is never more disk than its order says', () => {
    const limits = { diskBytesMax: 100 * 1_024 * 1_024 };
    const { spec } = objectsOf({ ...order, limits }, plain).job;
    const sizes = podOf(spec?.template.spec).volumes?.flatMap(({ emptyDir }) =>
      emptyDir ? [quantity(emptyDir.sizeLimit)] : [],
    );
    const sum = sizes?.reduce((all, size) => all + size, 0);
    expect(sum).toBeGreaterThan(limits.diskBytesMax * 0.9);
    expect(sum).toBeLessThanOrEqual(limits.diskBytesMax);
  });
});

describe('the collector', () => {
  it('is there if there is a gate and a token, and the program never sees that token', () => {
    const pod = podOf(objectsOf(richOrder, full).job.spec?.template.spec);
    expect(pod.initContainers?.map(({ name }) => name)).toEqual(['collector']);
    expect(pod.containers[0]?.volumeMounts?.map(({ name }) => name)).not.toContain('token');
    const { uploadToken: _none, ...without } = richOrder;
    const bare = podOf(objectsOf(without, full).job.spec?.template.spec);
    expect(bare.initContainers).toBeUndefined();
    expect(bare.volumes?.map(({ name }) => name)).not.toContain('token');
  });
});

describe('the Secret', () => {
  it('is owned by the Job once the cluster has told its uid', () => {
    const { secret } = objectsOf(order, plain);
    const uid = '11111111-2222-3333-4444-555555555555';
    expect(ownedBy(secret, uid).metadata?.ownerReferences).toEqual([
      { apiVersion: 'batch/v1', kind: 'Job', name: attemptName(order.key), uid },
    ]);
    expect(secret).toEqual(objectsOf(order, plain).secret);
  });
});

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const anyOrder: fc.Arbitrary<AttemptOrder> = fc.record({
  key: fc.record({ jobId: text, attempt: fc.integer({ min: 1, max: 99 }) }),
  tenantId: text,
  template: fc.constantFrom('node', 'python', 'shell'),
  source: fc.string({ minLength: 1 }),
  args: fc.array(text, { maxLength: 4 }),
  env: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('HOME', 'TMPDIR', 'PATH', 'HTTPS_PROXY', 'KUBERNETES_PORT', 'X'),
      value: text,
    }),
    { selector: ({ name }) => name },
  ),
  timeoutSeconds: fc.integer({ min: 1, max: 3_600 }),
  cpuMillicores: fc.integer({ min: 100, max: 4_000 }),
  memoryMib: fc.integer({ min: 32, max: 4_096 }),
  egress: fc.constantFrom('none', 'proxy', undefined),
  uploadToken: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
});

function podOf(pod: PodSpec | undefined): PodSpec {
  if (!pod) throw new Error('The Job has no pod.');
  return pod;
}

function programOf(asked: AttemptOrder): Container {
  const [main] = podOf(objectsOf(asked, plain).job.spec?.template.spec).containers;
  if (!main) throw new Error('The pod has no container.');
  return main;
}

/** What the kubelet makes of an argument of which it can replace nothing. */
function asKubeletReads(argument: string): string {
  return argument.replaceAll('$$', '$');
}

function content({ data }: Secret, key: string): string {
  return Buffer.from(data?.[key] ?? '', 'base64').toString();
}
