import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { buildSchema } from 'graphql';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { post } from '../fixtures/clients.ts';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';
import { defaultLimits } from '../limits/limits.ts';
import { operations } from './operation.ts';
import type { Operations } from './operation.ts';
import { persistedOperations } from './persisted.ts';

describe('an operation with conditions', () => {
  let fixture: RunningFixture;
  afterEach(() => fixture.stop());
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const query = `query (${names.map((name) => `$${name}: Boolean!`).join(' ')}) {
    ${names.map((name) => `${name}: job(id: "${name}") @include(if: $${name}) { id cost }`).join('\n')}
  }`;
  const combination = (index: number) =>
    Object.fromEntries(names.map((name, bit) => [name, (index & (1 << bit)) > 0]));

  it('has each further plan counted for its tenant, and each only once', async () => {
    const tenant = { ...defaultLimits.tenant, newDocumentsPerSecond: 0.001, newDocumentsBurst: 4 };
    fixture = await startFixture('in-process', { limits: { tenant } });
    const ask = async (index: number) => {
      const { status, body } = await post(fixture, { query, variables: combination(index) });
      return { status, code: body.errors?.[0]?.extensions?.['code'] };
    };
    const answered = { status: 200, code: undefined };
    for (const index of [1, 2, 3, 4, 4, 3, 2, 1]) expect(await ask(index)).toEqual(answered);
    expect(await ask(5)).toEqual({ status: 429, code: 'RATE_LIMITED' });
    expect(await ask(1)).toEqual(answered);
  });

  it('has its plans and its document shown in the metrics of the caches', async () => {
    const registry = new Registry();
    fixture = await startFixture('in-process', { registry });
    for (const index of [1, 2, 1]) await post(fixture, { query, variables: combination(index) });
    const told = await registry.metrics();
    expect(told).toContain('forge_gateway_cache_entries{cache="plans"} 2');
    expect(told).toContain('forge_gateway_cache_lookups_total{cache="plans",outcome="hit"} 1');
    expect(told).toContain('forge_gateway_cache_entries{cache="documents"} 1');
    expect(told).toMatch(/forge_gateway_cache_bytes{cache="documents"} [1-9]\d{3,}/);
  });
});

async function start(
  documentBytesMax: number,
  newDocument: () => void = () => undefined,
): Promise<Operations> {
  const persisted = await persistedOperations({
    ...{ mode: 'off', manifest: undefined, log: pino({ level: 'silent' }) },
    unlisted: () => undefined,
  });
  return operations({
    ...{ limits: defaultLimits, admission: { newDocument }, persisted },
    ...{ introspection: true, documentBytesMax },
  });
}

describe('a newer supergraph', () => {
  it('has each document planned once for nothing, since nobody sent a new one', async () => {
    let counted = 0;
    const kept = await start(1_000_000, () => void (counted += 1));
    const { document } = kept.prepare(
      { query: '{ a }', operationName: undefined, variables: undefined, persisted: undefined },
      undefined,
    );
    for (const sdl of ['type Query { a: Int }', 'type Query { a: Int, b: Int }']) {
      kept.validate(buildSchema(sdl), document);
      kept.countPlan(document, undefined);
    }
    expect(counted).toBe(1);
    kept.countPlan(document, undefined);
    expect(counted).toBe(2);
  });
});

describe('documents that are kept', () => {
  it('take no more than they may, however many come, and are found by their hash while they are', async () => {
    const kept = await start(100_000);
    const texts = Array.from({ length: 200 }, (_, index) => `{ a${String(index)}: __typename }`);
    const documents = texts.map(
      (query) =>
        kept.prepare(
          { query, operationName: undefined, variables: undefined, persisted: undefined },
          undefined,
        ).document,
    );
    expect(kept.documents.bytes).toBeLessThanOrEqual(100_000);
    const hashOf = (text = '') => createHash('sha256').update(text).digest('hex');
    expect(kept.byHash(hashOf(texts.at(-1)))).toBe(documents.at(-1));
    expect(kept.byHash(hashOf(texts[0]))).toBeUndefined();
  });
});
