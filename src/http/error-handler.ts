// The last middleware: any failure -> the dialect's answer. The only place that turns errors into statuses. It cannot fail itself: what
// goes wrong here is answered, too.

import type { ErrorRequestHandler, Request, Response } from 'express';
import { ERROR_STATUS, RerankError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Dialect } from './dialects/dialect.ts';
import type { RequestContext } from './request-context.ts';
import type { RouteTable } from './route-table.ts';

/**
 * Answers in the dialect of the request, or of its path when the body was not understood.
 *
 * @param table  whose wording errors get that come before a request has its context
 * @param logger of the server, for requests without one
 */
export function errorHandler(table: RouteTable, logger: Logger): ErrorRequestHandler {
  return (thrown: unknown, req, res, _next) => {
    const context = res.locals.context as RequestContext | undefined;
    const error = toRerankError(thrown);
    if (context !== undefined) context.record.errorCode = error.code;
    logFailure(thrown, error, context?.logger ?? logger);
    if (res.headersSent || res.destroyed) {
      res.destroy(); // half an answer cannot be mended; a closed connection says so
      return;
    }
    const dialect = context?.dialect ?? dialectOf(req, table);
    answer(res, error, dialect, context?.id ?? '', logger);
  };
}

/** What is not ours is `internal`, and its message stays inside. */
function toRerankError(thrown: unknown): RerankError {
  if (thrown instanceof RerankError) return thrown;
  return fromRouter(thrown) ?? new RerankError('internal', 'internal error', { cause: thrown });
}

/** The router throws a URIError with status 400 for a path such as `/%zz`. */
function fromRouter(thrown: unknown): RerankError | null {
  return thrown instanceof URIError ? new RerankError('not_found', 'the path is not valid') : null;
}

/** Faults of ours are errors in the log; refusals are in the access log alone. */
function logFailure(thrown: unknown, error: RerankError, logger: Logger): void {
  try {
    if (ERROR_STATUS[error.code] === 500) logger.error('request failed', { error: thrown });
    else logger.debug('request refused', { error: thrown });
  } catch {
    // A value that cannot be logged must not cost the caller its answer.
  }
}

function dialectOf(req: Request, table: RouteTable): Dialect {
  try {
    return table.dialectOf(req.method, req.path);
  } catch {
    return table.dialects[0]!;
  }
}

function answer(res: Response, error: RerankError, dialect: Dialect, id: string, logger: Logger): void {
  const written = write(error, dialect, id) ?? write(new RerankError('internal', 'internal error'), dialect, id) ?? LAST_RESORT;
  if (written === LAST_RESORT) logFailure(new Error(`${dialect.name} cannot word its errors`), error, logger);
  if (error.retryAfterSeconds !== undefined) res.set('Retry-After', retryAfter(error.retryAfterSeconds));
  res.status(written.status).type('json').send(written.body);
}

interface WrittenAnswer {
  readonly status: number;
  readonly body: string;
}

/** Where not even "internal error" can be worded. */
const LAST_RESORT: WrittenAnswer = { status: ERROR_STATUS.internal, body: '{"error":"internal error"}' };

/** Null when the error cannot be worded, or its words not be written. */
function write(error: RerankError, dialect: Dialect, id: string): WrittenAnswer | null {
  try {
    const { status, body } = dialect.renderError(error, id);
    return { status, body: JSON.stringify(body) };
  } catch {
    return null;
  }
}

/** Whole seconds, at least one. */
function retryAfter(seconds: number): string {
  return String(Number.isFinite(seconds) ? Math.max(1, Math.ceil(seconds)) : 1);
}
