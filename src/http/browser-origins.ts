// What pages in browsers may do: CORS for the origins that are allowed, and no work for the pages of others.

import cors from 'cors';
import type { Request, RequestHandler } from 'express';
import { RerankError } from '../errors.ts';
import { isLoopback } from './loopback.ts';

/** In place of an origin: every page of this machine, whatever its port. */
const LOOPBACK = 'loopback';
const ANY = '*';
const PREFLIGHT_SECONDS = 600; // browsers keep a preflight's answer this long

/**
 * Answers preflights and lets allowed pages read answers. A page that is not allowed could still make its reader's browser send a request
 * and not see the answer; so what is more than a question (any method but GET and HEAD) is 403.
 *
 * @param allowed origins, `loopback`, `*`
 */
export function browserOrigins(allowed: readonly string[]): readonly RequestHandler[] {
  const isAllowed = originRule(allowed);
  return [refuseForeign(isAllowed), allowPrivateNetwork(isAllowed), corsHeaders(allowed, isAllowed)];
}

type OriginRule = (origin: string) => boolean;

function originRule(allowed: readonly string[]): OriginRule {
  const exact = new Set(allowed);
  return (origin) => exact.has(ANY) || exact.has(origin) || (exact.has(LOOPBACK) && isLoopbackOrigin(origin));
}

/** The origin `null`, of files and sandboxed frames, is anybody's. */
function isLoopbackOrigin(origin: string): boolean {
  if (!/^https?:/i.test(origin) || !URL.canParse(origin)) return false;
  return isLoopback(new URL(origin).hostname);
}

function refuseForeign(isAllowed: OriginRule): RequestHandler {
  return (req, _res, next) => {
    const isQuestion = req.method === 'GET' || req.method === 'HEAD';
    if (isQuestion || !isForeign(req, isAllowed)) return next();
    throw new RerankError(
      'origin_not_allowed',
      'pages of this origin may not call the server; --cors-allow-origin names those that may',
    );
  };
}

/** Browsers send `Origin` with every POST and preflight, and most tell where a page stands (`Sec-Fetch-Site`); pages can change neither. */
function isForeign(req: Request, isAllowed: OriginRule): boolean {
  const site = req.get('sec-fetch-site');
  if (site === 'same-origin' || site === 'none') return false;
  const origin = req.get('origin');
  if (origin === undefined) return site !== undefined && !isAllowed(ANY);
  return !isAllowed(origin) && !isOwn(origin, req.headers.host);
}

/** The server's own pages, whichever scheme a proxy has in front of it. */
function isOwn(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

/** A page of a public site asks so before it calls into a private network. */
function allowPrivateNetwork(isAllowed: OriginRule): RequestHandler {
  return (req, res, next) => {
    const asks = req.method === 'OPTIONS' && req.get('access-control-request-private-network') === 'true';
    if (asks && isAllowed(req.get('origin') ?? '')) res.set('Access-Control-Allow-Private-Network', 'true');
    next();
  };
}

function corsHeaders(allowed: readonly string[], isAllowed: OriginRule): RequestHandler {
  return cors({
    origin: allowed.includes(ANY) ? ANY : (origin, decide) => decide(null, origin !== undefined && isAllowed(origin)),
    methods: ['GET', 'HEAD', 'POST'],
    exposedHeaders: ['X-Request-Id', 'Server-Timing', 'X-Truncated', 'Retry-After', 'traceresponse'],
    maxAge: PREFLIGHT_SECONDS,
  });
}
