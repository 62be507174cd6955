import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { tracingWith } from '../../subgraphs/shared/telemetry.ts';
import { startFixture } from '../fixtures/gateway.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('the trace of an operation', () => {
  it('goes from the client through planning to each subgraph, and is passed on', async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({
      spanProcessors: [new SimpleSpanProcessor(exporter)],
    });
    const tracing = tracingWith(provider.getTracer('test'), () => provider.shutdown());
    const fixture = await startFixture('in-process', { tracing });
    const { body } = await request(fixture.url, {
      method: 'POST',
      headers: {
        authorization: 'Bearer alice',
        'content-type': 'application/json',
        traceparent: `00-${trace}-00f067aa0ba902b7-01`,
      },
      body: JSON.stringify({ query: '{ job(id: "ab") { cost } }' }),
    });
    await body.dump();
    await fixture.gateway.stop(500);

    const spans = exporter.getFinishedSpans();
    const whole = spans.find(({ name }) => name === 'graphql');
    expect(whole?.parentSpanId).toBe('00f067aa0ba902b7');
    const parts = spans.filter((span) => span !== whole);
    expect(parts.map(({ name }) => name).sort()).toEqual(['fetch costs', 'fetch jobs', 'plan']);
    for (const part of parts) {
      expect(part.parentSpanId).toBe(whole?.spanContext().spanId);
      expect(part.spanContext().traceId).toBe(trace);
    }
    const sent = fixture.state.requests.map(({ headers }) => headers['traceparent']);
    const fetches = parts.filter(({ name }) => name.startsWith('fetch'));
    expect(sent.sort()).toEqual(
      fetches.map((span) => `00-${trace}-${span.spanContext().spanId}-01`).sort(),
    );
    await fixture.stop();
  });
});
