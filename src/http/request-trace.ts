// The place of a request in its caller's trace: the traceparent header in, a span, the traceresponse header out.

import type { Request, Response } from 'express';
import { formatTraceparent, parseTraceparent, type TraceContext } from '../trace-context.ts';
import type { RequestReport } from './request-report.ts';

/** One request in a trace. */
export interface RequestSpan {
  readonly context: TraceContext;
  /** Once, when the answer is complete or the client has left. */
  end(report: RequestReport): void;
}

/** What a span can say at its start. */
export interface RequestStart {
  readonly method: string;
  readonly path: string;
  /** `performance.now()` */
  readonly startedMs: number;
}

/** Gives requests their spans: recorded ones when spans are exported, otherwise only those that a caller's trace asks for. */
export interface RequestTracer {
  /** @param parent the caller's span, if it sent one */
  begin(parent: TraceContext | null, start: RequestStart): RequestSpan | null;
}

const MAX_TRACESTATE_LENGTH = 512; // characters; the standard asks to keep at least these

/**
 * Begins the span of a request and names it to the caller.
 *
 * The answer's header is `traceresponse`, of the W3C's draft for responses: `traceparent` has a meaning in requests only, and an intermediary
 * that sees it in an answer may take it for one that was meant for itself.
 *
 * @see https://w3c.github.io/trace-context/#traceresponse-header
 */
export function beginTrace(tracer: RequestTracer, req: Request, res: Response, startedMs: number): RequestSpan | null {
  const state = req.get('tracestate') ?? null;
  const parent = parseTraceparent(req.get('traceparent'), state !== null && state.length <= MAX_TRACESTATE_LENGTH ? state : null);
  const span = tracer.begin(parent, { method: req.method, path: req.path, startedMs });
  if (span !== null) res.set('traceresponse', formatTraceparent(span.context));
  return span;
}
