import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { Resource } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

/** Where the time of a request goes, told to whoever collects traces. */
export interface Tracing {
  /**
   * Does work within a span. The parent, and what the work passes on, are texts
   * as W3C Trace Context writes them, so a trace goes through every transport.
   */
  span<T>(
    name: string,
    traceparent: string,
    attributes: Attributes,
    work: (traceparent: string) => Promise<T>,
  ): Promise<T>;
  /** Tells of work that is over, and began at a moment of `performance.now()`. */
  done(name: string, traceparent: string, attributes: Attributes, startedMs: number): void;
  /** Whether a trace that begins here is recorded. */
  samples(): boolean;
  stop(): Promise<void>;
}

/** Tells nobody, and passes on the parent as it came. */
export const noTracing: Tracing = {
  span: (_name, traceparent, _attributes, work) => work(traceparent),
  done: () => undefined,
  samples: () => true,
  stop: () => Promise.resolve(),
};

export interface TracingOptions {
  /** Of the collector; without one, nothing is recorded or sent. */
  readonly endpoint: string | undefined;
  /** Of the traces that begin here so many are recorded, from 0 to 1. */
  readonly ratio: number;
}

/** Sends spans to an OTLP collector. Traces that began elsewhere are recorded as they say. */
export function startTracing({ endpoint, ratio }: TracingOptions, service: string): Tracing {
  if (endpoint === undefined) return noTracing;
  const provider = new BasicTracerProvider({
    resource: new Resource({ 'service.name': service }),
    spanProcessors: [
      new BatchSpanProcessor(
        new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` }),
      ),
    ],
  });
  return tracingWith(provider.getTracer('forge'), () => provider.shutdown(), ratio);
}

/** Spans of any tracer of the OpenTelemetry API. */
export function tracingWith(tracer: Tracer, stop: () => Promise<void>, ratio = 1): Tracing {
  return {
    samples: () => Math.random() < ratio,
    span: (name, traceparent, attributes, work) =>
      isUnsampled(traceparent)
        ? work(traceparent)
        : within(tracer.startSpan(name, { kind, attributes }, contextOf(traceparent)), work),
    done(name, traceparent, attributes, startedMs) {
      if (isUnsampled(traceparent)) return;
      const startTime = performance.timeOrigin + startedMs;
      tracer.startSpan(name, { attributes, startTime }, contextOf(traceparent)).end();
    },
    stop,
  };
}

const kind = SpanKind.SERVER;

async function within<T>(span: Span, work: (traceparent: string) => Promise<T>): Promise<T> {
  const { traceId, spanId, traceFlags } = span.spanContext();
  try {
    return await work(`00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`);
  } catch (cause) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw cause;
  } finally {
    span.end();
  }
}

/** Spans of a trace that is not recorded cost nothing: who began it decided for all. */
function isUnsampled(traceparent: string): boolean {
  return traceparent.length === 55 && '02468ace'.includes(traceparent.charAt(54));
}

function contextOf(traceparent: string): Context {
  const parent = parseTraceParent(traceparent);
  return parent ? trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true }) : ROOT_CONTEXT;
}
