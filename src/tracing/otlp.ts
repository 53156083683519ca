// The key to OpenTelemetry: records a span a request and its phases, sends them in the background. Imported only when a collector is configured.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { RequestReport } from '../http/request-report.ts';
import type { RequestSpan, RequestStart, RequestTracer } from '../http/request-trace.ts';
import type { Logger } from '../logger.ts';
import type { TraceContext } from '../trace-context.ts';
import type { Tracing } from '../tracing.ts';
import { VERSION } from '../version.ts';
import { callPhases } from './call-phases.ts';
import { answerAttributes, createTraceStateOf, startAttributes } from './span-attributes.ts';
import { EXPORT_TIMEOUT_MS, spanExporter } from './span-exporter.ts';
import type { SamplerSettings, TraceSettings } from './trace-settings.ts';

/** Spans wait in a bounded queue (2,048; what is beyond is dropped) and leave in batches, so that no request ever waits for the collector. */
export function startOtlp(settings: TraceSettings, logger: Logger): Tracing {
  const exporter = spanExporter(settings, logger);
  const processor = new BatchSpanProcessor(exporter, { exportTimeoutMillis: EXPORT_TIMEOUT_MS });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      ...settings.attributes,
      'service.name': settings.serviceName,
      'service.version': VERSION,
      'process.runtime.name': 'nodejs',
      'process.runtime.version': process.versions.node,
    }),
    sampler: samplerOf(settings.sampler),
    spanProcessors: [processor],
  });
  return {
    tracer: new SpanRecorder(provider.getTracer('crossrank', VERSION)),
    close: async () => {
      const done = new AbortController();
      const flushed = provider.shutdown().catch(() => {}); // the exporter has logged why
      await Promise.race([flushed, sleep(EXPORT_TIMEOUT_MS, undefined, { signal: done.signal }).catch(() => {})]);
      done.abort();
    },
  };
}

function samplerOf({ name, share }: SamplerSettings): Sampler {
  const base = name.replace('parentbased_', '');
  const ratio = new TraceIdRatioBasedSampler(share);
  const root = base === 'always_on' ? new AlwaysOnSampler() : base === 'always_off' ? new AlwaysOffSampler() : ratio;
  return name === base ? root : new ParentBasedSampler({ root });
}

class SpanRecorder implements RequestTracer {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  begin(parent: TraceContext | null, start: RequestStart): RequestSpan {
    const options = { kind: SpanKind.SERVER, attributes: startAttributes(start), startTime: epochMs(start.startedMs) };
    const span = this.#tracer.startSpan(start.method, options, contextOf(parent));
    const { traceId, spanId, traceFlags } = span.spanContext();
    return {
      context: { traceId, spanId, flags: traceFlags, state: parent?.state ?? null },
      end: (report) => this.#end(span, report),
    };
  }

  #end(span: Span, report: RequestReport): void {
    if (report.route !== null) span.updateName(`${report.method} ${report.route}`);
    span.setAttributes(answerAttributes(report));
    if (report.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    this.#recordPhases(span, report);
    span.end(epochMs(report.endedMs));
  }

  #recordPhases(parent: Span, { timing, calledMs }: RequestReport): void {
    if (timing === undefined || calledMs === undefined) return;
    const context = trace.setSpan(ROOT_CONTEXT, parent);
    for (const { name, startMs, endMs, workerSeconds } of callPhases(calledMs, timing)) {
      const attributes = workerSeconds === null ? {} : { 'crossrank.worker_seconds': workerSeconds };
      this.#tracer.startSpan(name, { startTime: epochMs(startMs), attributes }, context).end(epochMs(endMs));
    }
  }
}

function contextOf(parent: TraceContext | null): Context {
  if (parent === null) return ROOT_CONTEXT;
  const { traceId, spanId, flags, state } = parent;
  const traceState = createTraceStateOf(state);
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: flags,
    isRemote: true,
    ...(traceState && { traceState }),
  });
}

/** `performance.now()` on the clock of the world. */
function epochMs(ms: number): number {
  return performance.timeOrigin + ms;
}
