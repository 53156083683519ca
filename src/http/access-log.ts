// One structured line a request, when its answer is complete or its client has left. Never a query or a document.

import type { RequestHandler, Response } from 'express';
import { ERROR_STATUS } from '../errors.ts';
import type { LogFields } from '../logger.ts';
import { contextOf } from './request-context.ts';

const MAX_PATH_LENGTH = 200; // characters

/** @param isQuiet paths that are logged at debug only: probes come every few seconds */
export function accessLog(isQuiet: (path: string) => boolean): RequestHandler {
  return (req, res, next) => {
    const { path, method } = req; // read now: routers rewrite the path
    res.once('close', () => {
      const { logger } = contextOf(res);
      const fields = { method, path: path.slice(0, MAX_PATH_LENGTH), ...describeAnswer(res) };
      if (isQuiet(path)) logger.debug('request', fields);
      else logger.info('request', fields);
    });
    next();
  };
}

function describeAnswer(res: Response): LogFields {
  const { dialect, record, startedMs } = contextOf(res);
  const { facts } = record;
  const complete = res.writableFinished;
  return {
    status: complete ? res.statusCode : ERROR_STATUS.cancelled,
    error: record.errorCode ?? (complete ? undefined : 'cancelled'),
    dialect: dialect.name,
    pairs: record.pairs,
    tokens: facts?.totalTokens,
    truncated: facts?.truncated.length,
    queue_ms: tenths(facts?.timing.queueMs),
    tokenization_ms: tenths(facts?.timing.tokenizationMs),
    inference_ms: tenths(facts?.timing.inferenceMs),
    total_ms: tenths(performance.now() - startedMs),
    bytes_in: record.bytesIn,
    bytes_out: Number(res.get('content-length') ?? 0),
  };
}

function tenths(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 10) / 10;
}
