// Reads a JSON body within the size limit and words what can go wrong before the body is understood.

import express, { type RequestHandler } from 'express';
import { RerankError } from '../errors.ts';
import { type BodyBudget, withinBudget } from './body-budget.ts';
import { contextOf } from './request-context.ts';

/**
 * Middleware for one POST route: media type, size, decompression (gzip, deflate, br), charset (UTF-8 or UTF-16), JSON.
 * Any JSON value is let through: that a body is no object is for the dialect to say.
 *
 * @param limitBytes bound of the body after decompression
 * @param budget     of all bodies together
 */
export function jsonBody(limitBytes: number, budget: BodyBudget): readonly RequestHandler[] {
  const parse = express.json({
    limit: limitBytes,
    strict: false,
    type: () => true, // decided by requireJson, which can tell 415 from 400
    verify: (_req, res, bytes) => {
      contextOf(res as express.Response).record.bytesIn = bytes.length;
    },
  });
  return [requireJson(limitBytes), withinBudget(budget, parse), refuseEmpty];
}

/** A declared length over the limit is refused at once instead of after reading it all. */
function requireJson(limitBytes: number): RequestHandler {
  return (req, _res, next) => {
    const declaredBytes = Number(req.get('content-length') ?? Number.NaN);
    if (declaredBytes > limitBytes) throw tooLarge(limitBytes);
    const type = declaredBytes === 0 ? null : req.is(['application/json', 'application/*+json']);
    if (type === null) throw new RerankError('malformed_body', 'the body is empty; a JSON object is expected');
    if (type === false)
      throw new RerankError('unsupported_media_type', 'the body must be sent as Content-Type: application/json');
    next();
  };
}

/** The parser takes an empty chunked or compressed body for `{}`. */
const refuseEmpty: RequestHandler = (_req, res, next) => {
  if (contextOf(res).record.bytesIn === 0)
    throw new RerankError('malformed_body', 'the body is empty; a JSON object is expected');
  next();
};

/** What the body parser throws: an http-errors error. */
interface BodyParserError {
  readonly type?: string;
  readonly status?: number;
  readonly message: string;
  readonly limit?: number;
}

/** The body parser's error as ours; null when `error` comes from elsewhere. */
export function fromBodyParser(error: unknown): RerankError | null {
  if (!(error instanceof Error) || !('status' in error)) return null;
  const { type, status, message, limit } = error as BodyParserError;
  if (type === 'entity.too.large') return tooLarge(limit ?? 0);
  if (type === 'request.aborted') return new RerankError('cancelled', 'the client closed the connection');
  if (type === 'entity.parse.failed') return new RerankError('malformed_body', `the body is not valid JSON${position(message)}`);
  if (status === 415) return new RerankError('unsupported_media_type', message);
  if (status !== undefined && status >= 400 && status < 500) {
    return new RerankError('malformed_body', 'the body could not be read: wrong length, encoding or compression');
  }
  return null;
}

/** Only the position of V8's message is repeated: the rest quotes the body. */
function position(message: string): string {
  const match = /at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(message);
  return match === null ? '' : ` (at position ${match[1]})`;
}

function tooLarge(limitBytes: number): RerankError {
  return new RerankError('payload_too_large', `the body is larger than ${limitBytes} bytes`);
}
