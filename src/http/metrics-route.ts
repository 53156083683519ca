// GET /metrics on the main port, and the port of its own that a scraper reaches without a key.

import type { RequestListener, ServerResponse } from 'node:http';
import { type RequestHandler, Router } from 'express';
import { ERROR_STATUS } from '../errors.ts';
import type { HostRule } from './allowed-hosts.ts';
import type { MetricsText } from './dependencies.ts';
import { methodNotAllowed } from './dialect-router.ts';

export const METRICS_PATH = '/metrics';

const METHODS = ['GET', 'HEAD'];

export function metricsRoute(metrics: MetricsText): Router {
  const text = sharedText(metrics);
  const answer: RequestHandler = async (_req, res) => sendText(res, metrics.contentType, await text());
  const router = Router();
  router.route('/').get(answer).all(methodNotAllowed(METHODS));
  return router;
}

/** Serves `/metrics` and nothing else: no Express, no log line, no key. */
export function metricsListener(metrics: MetricsText, isServed: HostRule = () => true): RequestListener {
  const text = sharedText(metrics);
  return (req, res) => {
    const path = (req.url ?? '').split('?', 1)[0];
    if (!isServed(req.headers.host)) refuse(res, ERROR_STATUS.host_not_allowed, 'not called by this name; see --allowed-host\n');
    else if (path !== METRICS_PATH) refuse(res, ERROR_STATUS.not_found, `only ${METRICS_PATH} is here\n`);
    else if (!METHODS.includes(req.method ?? '')) refuse(res, ERROR_STATUS.method_not_allowed, `use ${METHODS.join(', ')}\n`);
    else
      void text().then(
        (shown) => sendText(res, metrics.contentType, shown),
        () => refuse(res, ERROR_STATUS.internal, 'the metrics cannot be read\n'),
      );
  };
}

/** Who asks while a text is being made gets that one: making one takes milliseconds, and anybody may ask. */
function sharedText(metrics: MetricsText): () => Promise<string> {
  let making: Promise<string> | null = null;
  return () => {
    making ??= metrics.text().finally(() => {
      making = null;
    });
    return making;
  };
}

/** `end` leaves the body out where the method is HEAD. */
function sendText(res: ServerResponse, type: string, text: string): void {
  res.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text), 'Cache-Control': 'no-store' });
  res.end(text);
}

function refuse(res: ServerResponse, status: number, text: string): void {
  res.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', ...(status === 405 && { Allow: METHODS.join(', ') }) });
  res.end(text);
}
