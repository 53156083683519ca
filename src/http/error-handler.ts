// The last middleware: any failure -> the dialect's answer. The only place that turns errors into statuses.

import type { ErrorRequestHandler, Response } from 'express';
import { ERROR_STATUS, RerankError } from '../errors.ts';
import { contextOf } from './request-context.ts';

/** Answers in the dialect of the request, or of its path when the body was not understood. */
export const errorHandler: ErrorRequestHandler = (thrown: unknown, _req, res, _next) => {
  const error = toRerankError(thrown);
  const { record, dialect, id } = contextOf(res);
  record.errorCode = error.code;
  logFailure(thrown, error, res);
  if (res.headersSent || res.destroyed) {
    res.destroy(); // half an answer cannot be mended; a closed connection says so
    return;
  }
  if (error.retryAfterSeconds !== undefined) res.set('Retry-After', String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  const { status, body } = dialect.renderError(error, id);
  res.status(status).json(body);
};

/** What is not ours is `internal`, and its message stays inside. */
function toRerankError(thrown: unknown): RerankError {
  if (thrown instanceof RerankError) return thrown;
  const known = fromRouter(thrown);
  return known ?? new RerankError('internal', 'internal error', { cause: thrown });
}

/** The router throws a URIError with status 400 for a path such as `/%zz`. */
function fromRouter(thrown: unknown): RerankError | null {
  return thrown instanceof URIError ? new RerankError('not_found', 'the path is not valid') : null;
}

/** Faults of ours are errors in the log; refusals are in the access log alone. */
function logFailure(thrown: unknown, error: RerankError, res: Response): void {
  const { logger } = contextOf(res);
  if (ERROR_STATUS[error.code] === 500) logger.error('request failed', { error: thrown });
  else logger.debug('request refused', { error: thrown });
}
