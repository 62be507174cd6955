import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { clientNames, read, soon } from '../../gateway/fixtures/clients.ts';
import { freshUrl } from '../support/database.ts';
import { startKubernetesProduct } from '../support/kubernetes-product.ts';
import { startProduct } from '../support/product.ts';
import type { Product } from '../support/product.ts';
import { startSplitProduct } from '../support/split-product.ts';

type Forge = Pick<Product, 'url' | 'wsUrl' | 'token' | 'ask' | 'remove'>;

const modes: readonly (readonly [string, () => Promise<Forge>])[] = [
  ['in one process', startProduct],
  ['as five processes over HTTP', async () => startSplitProduct(await freshUrl())],
  ['in one process, with jobs on Kubernetes', startKubernetesProduct],
];

const source = `
for (let step = 1; step <= 10; step += 1) {
  console.log('::progress ' + JSON.stringify({ percent: step * 10, message: 'step ' + step }));
  console.log('line ' + step);
  await new Promise((resolve) => setTimeout(resolve, 30));
}
`;

const submit = `mutation ($input: SubmitJobInput!) {
  submitJob(input: $input) {
    ... on SubmitJobSuccess { replayed job { id state } }
    ... on Refusal { code message }
  }
}`;

const events = (jobId: string, after?: string): string => `subscription {
  jobEvents(jobId: "${jobId}"${after === undefined ? '' : `, after: "${after}"`}) {
    __typename seq cursor at
    ... on JobStateChanged { state reason { code message } }
    ... on JobProgress { percent message }
    ... on JobLogAppended { lines { n stream text } }
    ... on JobArtifactAdded { artifact { path } }
    ... on JobFinished { state exitCode }
    job { id state cost { total { amountMinor formatted } final }
      auditTrail(first: 100) { edges { node { action outcome } } } }
  }
}`;

const files = `query ($id: ID!) {
  job(id: $id) { artifacts { edges { node { path bytes sha256 downloadUrl } } } }
}`;

interface Artifact {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly downloadUrl: string;
}

function nodesIn<T>(data: unknown): T[] {
  const { job } = data as { job: { artifacts: { edges: { node: T }[] } } };
  return job.artifacts.edges.map(({ node }) => node);
}

interface Event {
  readonly artifact?: { readonly path: string };
  readonly __typename: string;
  readonly seq: number;
  readonly cursor: string;
  readonly state?: string;
  readonly percent?: number;
  readonly exitCode?: number;
  readonly lines?: readonly {
    readonly n: number;
    readonly stream: string;
    readonly text: string;
  }[];
  readonly job: {
    readonly id: string;
    readonly state: string;
    readonly cost: { readonly total: { readonly amountMinor: string }; readonly final: boolean };
    readonly auditTrail: {
      readonly edges: readonly { readonly node: { readonly action: string } }[];
    };
  };
}

let keys = 0;
async function submitJob(forge: Forge, tenant = 'acme', program = source): Promise<string> {
  keys += 1;
  const spec = { template: 'node', source: program };
  const input = { idempotencyKey: `flow-${String(keys)}`, spec };
  const { data, errors } = await forge.ask(tenant, submit, { input });
  expect(errors).toBeUndefined();
  return (data as { submitJob: { job: { id: string } } }).submitJob.job.id;
}

function eventsIn(results: readonly { readonly data?: unknown; readonly errors?: unknown }[]) {
  return results.map(({ data, errors }) => {
    expect(errors).toBeUndefined();
    return (data as { jobEvents: Event }).jobEvents;
  });
}

function expectWholeStory(story: readonly Event[]): void {
  expect(story.map(({ seq }) => seq)).toEqual(story.map((_event, index) => index + 1));
  const states = story.flatMap((event) =>
    event.__typename === 'JobStateChanged' ? [event.state] : [],
  );
  expect(states[0]).toBe('QUEUED');
  expect(states).toContain('RUNNING');
  expect(states.at(-1)).toBe('SUCCEEDED');
  const percents = story.flatMap(({ percent }) => (percent === undefined ? [] : [percent]));
  expect(percents).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  const lines = story.flatMap((event) => event.lines ?? []);
  expect(lines.map(({ n, text }) => `${String(n)} ${text}`)).toEqual(
    percents.map((_percent, index) => `${String(index + 1)} line ${String(index + 1)}`),
  );
  const last = story.at(-1);
  expect(last).toMatchObject({ __typename: 'JobFinished', state: 'SUCCEEDED', exitCode: 0 });
  expect(last?.job.cost.final).toBe(true);
  expect(Number(last?.job.cost.total.amountMinor)).toBeGreaterThan(0);
  const actions = last?.job.auditTrail.edges.map(({ node }) => node.action) ?? [];
  expect(actions[0]).toBe('job.submitted');
  expect(actions).toContain('hold.placed');
  expect(actions).toContain('charge.settled');
}

describe.each(modes)('%s', (_mode, startForge) => {
  let forge: Forge;
  beforeAll(async () => {
    forge = await startForge();
  }, 120_000);
  afterAll(() => forge.remove(), 60_000);

  describe.each(clientNames)('%s, unmodified', (client) => {
    it('sees a job from its submission to its end, in order and without a gap, with cost and audit joined', async () => {
      const jobId = await submitJob(forge);
      const reading = read(forge, client, events(jobId), await forge.token('acme'));
      expect(await soon(reading.ended, 30_000)).toBeUndefined();
      expectWholeStory(eventsIn(reading.results));
    }, 60_000);

    it('goes on after any cursor with exactly what follows', async () => {
      const jobId = await submitJob(forge);
      const token = await forge.token('acme');
      const whole = read(forge, client, events(jobId), token);
      await soon(whole.ended, 30_000);
      const story = eventsIn(whole.results);
      for (const at of [0, Math.floor(story.length / 2), story.length - 2]) {
        const rest = read(forge, client, events(jobId, story[at]?.cursor), token);
        expect(await soon(rest.ended, 30_000)).toBeUndefined();
        const seqs = eventsIn(rest.results).map(({ seq }) => seq);
        expect(seqs).toEqual(story.slice(at + 1).map(({ seq }) => seq));
      }
    }, 60_000);
  });

  describe('what a job leaves', () => {
    it('is listed with its hash, and fetched by its link, whole and in part', async () => {
      const large = 'const bytes = Buffer.alloc(6_000_000, "forge");';
      const write = `(await import('node:fs')).writeFileSync(process.env.FORGE_ARTIFACTS + '/large.bin', bytes)`;
      const jobId = await submitJob(forge, 'acme', `${large} ${write}`);
      const reading = read(forge, 'graphql-ws', events(jobId), await forge.token('acme'));
      expect(await soon(reading.ended, 30_000)).toBeUndefined();
      const added = eventsIn(reading.results).flatMap(({ artifact }) => artifact ?? []);
      const { data } = await forge.ask('acme', files, { id: jobId });
      const [file, ...others] = nodesIn<Artifact>(data);
      const content = Buffer.alloc(6_000_000, 'forge');
      const sha256 = createHash('sha256').update(content).digest('hex');
      expect(file).toMatchObject({ path: 'large.bin', bytes: content.length, sha256 });
      expect([added, others]).toEqual([[{ path: 'large.bin' }], []]);
      const answer = await fetch(file?.downloadUrl ?? '');
      expect(Buffer.from(await answer.arrayBuffer()).equals(content)).toBe(true);
      expect(answer.headers.get('content-disposition')).toContain(
        'attachment; filename="large.bin"',
      );
      const range = { range: 'bytes=5999995-' };
      const part = await fetch(file?.downloadUrl ?? '', { headers: range });
      expect([part.status, await part.text()]).toEqual([206, 'forge']);
      const { data: theirs } = await forge.ask('globex', files, { id: jobId });
      expect(theirs).toEqual({ job: null });
    }, 60_000);
  });

  describe('submitting', () => {
    it('twice with one key gives one job', async () => {
      const input = { idempotencyKey: 'twice', spec: { template: 'shell', source: 'echo once' } };
      const answers = await Promise.all([1, 2, 3].map(() => forge.ask('acme', submit, { input })));
      const jobs = answers.map(
        ({ data }) => (data as { submitJob: { job: { id: string } } }).submitJob.job.id,
      );
      expect(new Set(jobs).size).toBe(1);
    });

    it('with a key that was used for something else is refused', async () => {
      const spec = { template: 'shell', source: 'echo other' };
      await forge.ask('acme', submit, { input: { idempotencyKey: 'other', spec } });
      const again = { idempotencyKey: 'other', spec: { ...spec, source: 'echo changed' } };
      expect((await forge.ask('acme', submit, { input: again })).data).toMatchObject({
        submitJob: { code: 'IDEMPOTENCY_KEY_REUSED' },
      });
    });
  });
});
