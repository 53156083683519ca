// Mounts every dialect: one Express route a path, whoever shares it, and 405 for the methods nobody serves there.

import { type RequestHandler, type Response, Router } from 'express';
import { RerankError } from '../errors.ts';
import type { CallTiming } from '../rerank/types.ts';
import type { AppDependencies } from './dependencies.ts';
import type { Answer, Dialect, Route } from './dialects/dialect.ts';
import { DEFAULT_DIALECT } from './dialects/dialect-list.ts';
import { jsonBody } from './json-body.ts';
import { contextOf } from './request-context.ts';

/** A route and whose it is. */
interface Claim {
  readonly dialect: Dialect;
  readonly route: Route;
}

export function dialectRouter(dialects: readonly Dialect[], dependencies: AppDependencies): Router {
  const router = Router();
  for (const [path, claims] of claimsByPath(dialects)) {
    const gets = claims.filter(({ route }) => route.method === 'GET');
    const posts = claims.filter(({ route }) => route.method === 'POST');
    const route = router.route(path);
    route.all(wordErrorsAs(claims));
    if (gets.length > 0) route.get(answerWith(gets, dependencies));
    if (posts.length > 0) {
      const readBody = jsonBody(dependencies.settings.payloadLimitBytes);
      route.post(...readBody, chooseByBody(posts), refuseUnlessServing(dependencies), answerWith(posts, dependencies));
    }
    route.all(methodNotAllowed([...(gets.length > 0 ? ['GET', 'HEAD'] : []), ...(posts.length > 0 ? ['POST'] : [])]));
  }
  return router;
}

/** Answers 405 and names the methods that would do. */
export function methodNotAllowed(methods: readonly string[]): RequestHandler {
  const allow = methods.join(', ');
  return (req, res) => {
    res.set('Allow', allow);
    throw new RerankError('method_not_allowed', `${req.method} is not allowed here; use ${allow}`);
  };
}

function claimsByPath(dialects: readonly Dialect[]): Map<string, Claim[]> {
  const byPath = new Map<string, Claim[]>();
  for (const dialect of dialects) {
    for (const route of dialect.routes) byPath.set(route.path, [...(byPath.get(route.path) ?? []), { dialect, route }]);
  }
  return byPath;
}

/** Until the body is understood, errors are worded by the dialect that takes any body on this path and method. */
function wordErrorsAs(claims: readonly Claim[]): RequestHandler {
  return (req, res, next) => {
    const method = req.method === 'HEAD' ? 'GET' : req.method;
    const unconditional = claims.filter(({ route }) => route.claims === undefined);
    const owner = unconditional.find(({ route }) => route.method === method) ?? unconditional[0];
    contextOf(res).dialect = owner?.dialect ?? DEFAULT_DIALECT;
    next();
  };
}

/** Now that the body is understood, errors are worded by the dialect that claims it. */
function chooseByBody(claims: readonly Claim[]): RequestHandler {
  return (req, res, next) => {
    contextOf(res).dialect = claimOf(claims, req.body).dialect;
    next();
  };
}

/** After the body has been read, so that a client that is still sending gets to see the answer. */
function refuseUnlessServing({ scorer, isDraining }: AppDependencies): RequestHandler {
  return (_req, res, next) => {
    if (isDraining()) throw new RerankError('draining', 'the server is shutting down', { retryAfterSeconds: 1 });
    if (scorer.status().state === 'starting') {
      throw new RerankError('not_ready', 'the model is being loaded', { retryAfterSeconds: 1 });
    }
    contextOf(res).logger.debug('accepted');
    next();
  };
}

function answerWith(claims: readonly Claim[], dependencies: AppDependencies): RequestHandler {
  const { service, scorer, settings } = dependencies;
  const limits = { maxDocuments: settings.maxClientBatchSize };
  return async (req, res) => {
    const { id, deadlineMs, signal, record } = contextOf(res);
    const { route } = claimOf(claims, req.body);
    const answer = await route.answer(req.body, { service, model: scorer.spec, limits, call: { id, deadlineMs, signal } });
    Object.assign(record, { facts: answer.facts, pairs: answer.pairs });
    if (!signal.aborted) send(res, answer);
  };
}

function claimOf(claims: readonly Claim[], body: unknown): Claim {
  const claim = claims.find(({ route }) => route.claims?.(body)) ?? claims.find(({ route }) => route.claims === undefined);
  if (claim === undefined) throw new RerankError('validation', 'the body fits no request this path takes');
  return claim;
}

function send(res: Response, { body, facts, headers }: Answer): void {
  if (facts !== undefined) res.set('Server-Timing', serverTiming(facts.timing));
  if (headers !== undefined) res.set(headers);
  res.json(body);
}

/** @see https://www.w3.org/TR/server-timing/ (milliseconds) */
function serverTiming({ queueMs, tokenizationMs, inferenceMs, totalMs }: CallTiming): string {
  const parts = { queue: queueMs, tok: tokenizationMs, inf: inferenceMs, total: totalMs };
  return Object.entries(parts)
    .map(([name, ms]) => `${name};dur=${ms.toFixed(1)}`)
    .join(', ');
}
