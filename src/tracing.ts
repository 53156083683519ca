// Spans of requests: sent to a collector when one is configured, otherwise only the caller's trace is carried on. Loads nothing until needed.

import type { RequestTracer } from './http/request-trace.ts';
import type { Logger } from './logger.ts';
import { unrecordedChild } from './trace-context.ts';
import type { TraceSettings } from './tracing/trace-settings.ts';

export interface Tracing {
  readonly tracer: RequestTracer;
  /** Sends what is left, for at most three seconds. Never rejects. */
  close(): Promise<void>;
}

/** Records nothing: a request gets a span of its own only in the trace its caller sent. */
export const UNRECORDED: Tracing = Object.freeze({
  tracer: {
    begin: (parent) => (parent === null ? null : { context: unrecordedChild(parent), end: () => {} }),
  } satisfies RequestTracer,
  close: async () => {},
});

/** @param settings null to record nothing; OpenTelemetry is loaded only otherwise */
export async function startTracing(settings: TraceSettings | null, logger: Logger): Promise<Tracing> {
  if (settings === null) return UNRECORDED;
  for (const warning of settings.warnings) logger.warn(warning);
  const { startOtlp } = await import('./tracing/otlp.ts');
  return startOtlp(settings, logger);
}
