// One request's identity, deadline, cancellation and what the access log will say of it.

import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { type ErrorCode, RerankError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { CallContext, CallFacts, CallTiming } from '../rerank/types.ts';
import { urgencyOf } from './call-headers.ts';
import type { Dialect } from './dialects/dialect.ts';
import { beginTrace, type RequestSpan, type RequestTracer } from './request-trace.ts';
import type { RouteTable } from './route-table.ts';

export interface RequestContext extends CallContext {
  /** Aborted when the caller leaves before the answer is complete. */
  readonly signal: AbortSignal;
  /** `performance.now()` at arrival. */
  readonly startedMs: number;
  /** The server's limit from the arrival on; a caller may lower it. */
  deadlineMs: number;
  /** What the header `Priority` says. */
  readonly urgency: number;
  /** Adds the request id, and the ids of the span, to every line. */
  readonly logger: Logger;
  /** Null when the request is in no trace. */
  readonly span: RequestSpan | null;
  /** Whose wording errors get; the path decides first, then the body. */
  dialect: Dialect;
  /** Gives back the room that the request's body takes; called when its answer is written, which has room of its own. */
  releaseBody: () => void;
  /** Filled on the way, read by the report at the end. */
  readonly record: RequestRecord;
}

export interface RequestRecord {
  /** The path as it is mounted, once a dialect's route takes the request. */
  route?: string;
  facts?: CallFacts;
  timing?: CallTiming;
  pairs?: number;
  errorCode?: ErrorCode;
  /** `performance.now()` when the request went to its route's service. */
  calledMs?: number;
  /** Bytes of the body after decompression. */
  bytesIn?: number;
}

export interface ContextOptions {
  readonly timeoutMs: number;
  readonly logger: Logger;
  /** Says whose wording errors get before the body is understood. */
  readonly table: RouteTable;
  readonly tracer: RequestTracer;
  /** Paths that are in no trace: probes come every few seconds. */
  readonly isQuiet: (path: string) => boolean;
}

const VISIBLE_ASCII = /^[\x21-\x7e]{1,128}$/;

/** Gives every request a context; echoes the caller's `X-Request-Id`, or a new UUID when it sent none we would log. */
export function requestContext(options: ContextOptions): RequestHandler {
  return (req: Request, res: Response, next: NextFunction) => {
    const given = req.get('x-request-id') ?? '';
    const id = VISIBLE_ASCII.test(given) ? given : randomUUID();
    const startedMs = performance.now();
    const span = options.isQuiet(req.path) ? null : beginTrace(options.tracer, req, res, startedMs);
    const spanFields = span === null ? {} : { trace_id: span.context.traceId, span_id: span.context.spanId };
    const context: RequestContext = {
      id,
      startedMs,
      deadlineMs: startedMs + options.timeoutMs,
      urgency: urgencyOf(req.get('priority')),
      signal: abortedWhenClientLeaves(res),
      logger: options.logger.child({ request_id: id, ...spanFields }),
      span,
      dialect: options.table.dialectOf(req.method, req.path),
      releaseBody: () => {},
      record: {},
    };
    res.locals.context = context;
    res.set('X-Request-Id', id);
    next();
  };
}

/** @throws RerankError `internal` when the middleware did not run */
export function contextOf(res: Response): RequestContext {
  const context = res.locals.context as RequestContext | undefined;
  if (context === undefined) throw new RerankError('internal', 'request without context. This is a bug.');
  return context;
}

function abortedWhenClientLeaves(res: Response): AbortSignal {
  const controller = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) controller.abort(new RerankError('cancelled', 'the client closed the connection'));
  });
  return controller.signal;
}
