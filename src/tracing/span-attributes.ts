// What a span says of its request, by OpenTelemetry's semantic conventions for HTTP servers. Never a query or a document.

import { type Attributes, createTraceState, type TraceState } from '@opentelemetry/api';
import type { RequestReport } from '../http/request-report.ts';
import type { RequestStart } from '../http/request-trace.ts';
import { shorten } from '../short-text.ts';

/** Others are `_OTHER`, so that a client cannot invent values. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT']);

const MAX_PATH_LENGTH = 100; // characters

export function startAttributes({ method, path }: RequestStart): Attributes {
  return {
    'http.request.method': METHODS.has(method) ? method : '_OTHER',
    'url.scheme': 'http',
    'url.path': shorten(path, MAX_PATH_LENGTH),
  };
}

/** `error.type` where the server failed, and where a client left before anything was sent. */
export function answerAttributes(report: RequestReport): Attributes {
  const { route, status, errorCode, facts, pairs } = report;
  const left = errorCode === 'cancelled';
  return {
    ...(route !== null && { 'http.route': route }),
    ...(!left && { 'http.response.status_code': status }),
    ...(errorCode !== null && (status >= 500 || left) && { 'error.type': errorCode }),
    ...(errorCode !== null && { 'crossrank.error': errorCode }),
    'crossrank.request_id': report.id,
    'crossrank.dialect': report.dialect,
    ...(pairs !== undefined && { 'crossrank.pairs': pairs }),
    ...(facts && {
      'crossrank.model': facts.model,
      'crossrank.tokens': facts.totalTokens,
      'crossrank.truncated': facts.truncated.length,
    }),
  };
}

/** The caller's `tracestate`; entries that are not as the standard wants them are left out. */
export function createTraceStateOf(state: string | null): TraceState | undefined {
  return state === null ? undefined : createTraceState(state);
}
