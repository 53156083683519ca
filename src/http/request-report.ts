// What is known of a request when it has ended, told once to whoever counts, logs or traces. The one place where requests are observed.

import type { RequestHandler, Response } from 'express';
import { ERROR_STATUS, type ErrorCode } from '../errors.ts';
import type { CallFacts, CallTiming } from '../rerank/types.ts';
import { wasCut } from './answer-watch.ts';
import { contextOf } from './request-context.ts';

/** Times are `performance.now()`. Nothing of a query or a document is in it. */
export interface RequestReport {
  readonly id: string;
  readonly method: string;
  /** As it was asked for. */
  readonly path: string;
  /** As it is mounted (`/v1/rerank`); null for probes, documentation and what is not served. */
  readonly route: string | null;
  readonly dialect: string;
  /** What was answered; 499 when the client left before its answer was complete. */
  readonly status: number;
  /** Null when the answer is a success. */
  readonly errorCode: ErrorCode | null;
  /** Pairs asked for, once the body is understood. */
  readonly pairs: number | undefined;
  /** Of the scoring, when there was one. */
  readonly facts: CallFacts | undefined;
  /** Of the work in the workers, scoring or not. */
  readonly timing: CallTiming | undefined;
  readonly bytesIn: number | undefined;
  readonly bytesOut: number;
  readonly startedMs: number;
  readonly endedMs: number;
  /** When the request went to the service; undefined when it never did. */
  readonly calledMs: number | undefined;
}

/** Counts requests. */
export interface RequestObserver {
  started(): void;
  /** After {@link started}, once, when the answer is complete or the client has left. */
  ended(report: RequestReport): void;
}

/**
 * Tells the log of every request, and the observer and the trace of all but the quiet ones: probes and scrapes would drown the rest.
 *
 * @param log takes the response, too, for the logger of its request
 */
export function reportRequests(
  isQuiet: (path: string) => boolean,
  observer: RequestObserver,
  log: (report: RequestReport, res: Response) => void,
): RequestHandler {
  return (req, res, next) => {
    const { path, method } = req; // read now: routers rewrite the path
    const counted = !isQuiet(path);
    if (counted) observer.started();
    res.once('close', () => {
      const report = describe(method, path, res);
      log(report, res);
      if (!counted) return;
      observer.ended(report);
      contextOf(res).span?.end(report);
    });
    next();
  };
}

function describe(method: string, path: string, res: Response): RequestReport {
  const { id, dialect, record, startedMs } = contextOf(res);
  const complete = res.writableFinished && !wasCut(res);
  return {
    id,
    method,
    path,
    route: record.route ?? null,
    dialect: dialect.name,
    status: complete ? res.statusCode : ERROR_STATUS.cancelled,
    errorCode: record.errorCode ?? (complete ? null : 'cancelled'),
    pairs: record.pairs,
    facts: record.facts,
    timing: record.timing,
    bytesIn: record.bytesIn,
    bytesOut: Number(res.get('content-length') ?? 0),
    startedMs,
    endedMs: performance.now(),
    calledMs: record.calledMs,
  };
}
