import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { noTracing, startTracing, tracingWith } from './telemetry.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentId = '00f067aa0ba902b7';
const parent = `00-${traceId}-${parentId}-01`;

function recorded() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracing = tracingWith(provider.getTracer('test'), () => provider.shutdown());
  return { tracing, spans: () => exporter.getFinishedSpans() };
}

describe('a span', () => {
  it('is a child of who asked, and the parent of whom it asks', async () => {
    const { tracing, spans } = recorded();
    const passedOn = await tracing.span('outer', parent, {}, (outer) =>
      tracing.span('inner', outer, {}, async (inner) => [outer, inner]),
    );
    const [inner, outer] = spans();
    expect(outer).toMatchObject({ name: 'outer', parentSpanId: parentId });
    expect(inner).toMatchObject({ name: 'inner', parentSpanId: outer?.spanContext().spanId });
    expect(passedOn).toEqual(
      [outer, inner].map((span) => `00-${traceId}-${span?.spanContext().spanId ?? ''}-01`),
    );
  });

  it.each(['', 'nonsense', '00-0-0-00', `00-${'0'.repeat(32)}-${parentId}-01`])(
    'begins a trace of its own after the parent %j',
    async (text) => {
      const { tracing, spans } = recorded();
      const passedOn = await tracing.span('root', text, {}, async (own) => own);
      expect(spans()[0]?.parentSpanId).toBeUndefined();
      expect(passedOn).toMatch(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$/);
    },
  );

  it('is told of work that is over, with the time that it took', () => {
    const { tracing, spans } = recorded();
    const startedMs = performance.now() - 250;
    tracing.done('plan', parent, { 'forge.kind': 'query' }, startedMs);
    const [span] = spans();
    expect(span).toMatchObject({ name: 'plan', parentSpanId: parentId });
    const [seconds = 0, nanos = 0] = span?.duration ?? [];
    expect(seconds * 1_000 + nanos / 1e6).toBeGreaterThanOrEqual(249);
    expect(seconds * 1_000 + nanos / 1e6).toBeLessThan(2_000);
  });

  it('is not recorded when who asked is not, and says so to whom it asks', async () => {
    const { tracing, spans } = recorded();
    const unsampled = `00-${traceId}-${parentId}-00`;
    const passedOn = await tracing.span('quiet', unsampled, {}, async (own) => own);
    expect(passedOn).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
    expect(spans()).toEqual([]);
  });

  it('ends, marked as failed, when the work fails, and the failure goes on', async () => {
    const { tracing, spans } = recorded();
    const failure = new Error('no answer');
    const attributes = { 'forge.subgraph': 'billing' };
    await expect(
      tracing.span('call', parent, attributes, () => Promise.reject(failure)),
    ).rejects.toBe(failure);
    expect(spans()).toMatchObject([{ name: 'call', ended: true, status: { code: 2 }, attributes }]);
  });

  it('carries no words of the failure, which may be a partner’s', async () => {
    const { tracing, spans } = recorded();
    const failing = tracing.span('call', parent, {}, () => Promise.reject(new Error('pl4nted')));
    await expect(failing).rejects.toThrow();
    const [{ status, attributes, events } = {}] = spans();
    expect(JSON.stringify({ status, attributes, events })).not.toContain('pl4nted');
  });
});

describe('startTracing', () => {
  let collector: Server | undefined;
  afterEach(() => {
    collector?.close();
    collector?.closeAllConnections();
  });

  it('records and sends nothing without a collector, and passes on the parent as it came', async () => {
    const tracing = startTracing({ endpoint: undefined, ratio: 1 }, 'gateway');
    expect(tracing).toBe(noTracing);
    expect(await tracing.span('any', parent, {}, async (own) => own)).toBe(parent);
    await tracing.stop();
  });

  it.each(['', '/'])('sends spans to the collector%s when it stops, at the latest', async (end) => {
    const got: { url: string | undefined; body: string }[] = [];
    collector = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        got.push({ url: request.url, body: Buffer.concat(parts).toString() });
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    await new Promise<void>((resolve) => collector?.listen(0, '127.0.0.1', resolve));
    const { port } = collector.address() as AddressInfo;
    const tracing = startTracing(
      { endpoint: `http://127.0.0.1:${String(port)}${end}`, ratio: 1 },
      'billing',
    );
    await tracing.span('resolve billing', parent, {}, async () => undefined);
    expect(got).toEqual([]);
    await tracing.stop();
    expect(got.map(({ url }) => url)).toEqual(['/v1/traces']);
    for (const text of ['resolve billing', traceId, '"billing"', 'service.name']) {
      expect(got[0]?.body).toContain(text);
    }
  });
});

describe('traces that begin here', () => {
  it('are recorded as often as is wanted', () => {
    const tracer = new BasicTracerProvider().getTracer('test');
    const samples = (ratio: number) => {
      const tracing = tracingWith(tracer, () => Promise.resolve(), ratio);
      return Array.from({ length: 2_000 }, () => tracing.samples()).filter(Boolean).length;
    };
    expect(samples(0)).toBe(0);
    expect(samples(1)).toBe(2_000);
    expect(samples(0.5)).toBeGreaterThan(800);
    expect(samples(0.5)).toBeLessThan(1_200);
  });
});
