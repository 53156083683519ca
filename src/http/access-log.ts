// One structured line a request, when its answer is complete or its client has left. Never a query or a document.

import type { Response } from 'express';
import type { LogFields } from '../logger.ts';
import { shorten } from '../short-text.ts';
import { contextOf } from './request-context.ts';
import type { RequestReport } from './request-report.ts';

const MAX_PATH_LENGTH = 100; // characters; the longest path served has 30

/** @param isQuiet paths that are logged at debug only: probes come every few seconds */
export function accessLog(isQuiet: (path: string) => boolean): (report: RequestReport, res: Response) => void {
  return (report, res) => {
    const { logger } = contextOf(res);
    const fields = () => describe(report);
    if (isQuiet(report.path)) logger.debug('request', fields);
    else logger.info('request', fields);
  };
}

function describe(report: RequestReport): LogFields {
  const { method, path, facts, timing, startedMs, endedMs } = report;
  return {
    method,
    path: shorten(path, MAX_PATH_LENGTH),
    status: report.status,
    error: report.errorCode ?? undefined,
    dialect: report.dialect,
    pairs: report.pairs,
    tokens: facts?.totalTokens,
    truncated: facts?.truncated.length,
    queue_ms: tenths(timing?.queueMs),
    tokenization_ms: tenths(timing?.tokenizationMs),
    inference_ms: tenths(timing?.inferenceMs),
    total_ms: tenths(endedMs - startedMs),
    bytes_in: report.bytesIn,
    bytes_out: report.bytesOut,
  };
}

function tenths(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 10) / 10;
}
