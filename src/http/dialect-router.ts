// Mounts the route table: one Express route a path, whoever shares it, and 405 for the methods nobody serves there.

import { type RequestHandler, type Response, Router } from 'express';
import { RerankError } from '../errors.ts';
import type { CallTiming } from '../rerank/types.ts';
import { writeJson } from './answer-writer.ts';
import { bodyLimits } from './body/body-limits.ts';
import { BodyBudget } from './body-budget.ts';
import { callerTimeoutSeconds } from './call-headers.ts';
import type { AppDependencies } from './dependencies.ts';
import type { Answer } from './dialects/dialect.ts';
import { jsonBody } from './json-body.ts';
import { contextOf } from './request-context.ts';
import type { MountedRoute, RouteTable } from './route-table.ts';

export function dialectRouter(table: RouteTable, dependencies: AppDependencies): Router {
  const { settings } = dependencies;
  const budget = dependencies.budget ?? new BodyBudget(settings.maxInflightBytes);
  const readBody = jsonBody(bodyLimits(settings), budget);
  const router = Router();
  for (const { path, methods } of table.paths) {
    const get = methods.get('GET');
    const post = methods.get('POST');
    const route = router.route(path);
    route.all(noteRoute(path));
    if (get !== undefined) route.get(answerWith(get, dependencies, budget));
    if (post !== undefined) {
      const serving = refuseUnlessServing(dependencies);
      route.post(...readBody, chooseByBody(post), serving, heedCallerTimeout, answerWith(post, dependencies, budget));
    }
    route.all(methodNotAllowed([...(get ? ['GET', 'HEAD'] : []), ...(post ? ['POST'] : [])]));
  }
  return router;
}

/** For whoever counts: of what clients can ask for, only mounted paths become a label. */
function noteRoute(path: string): RequestHandler {
  return (_req, res, next) => {
    contextOf(res).record.route = path;
    next();
  };
}

/** Answers 405 and names the methods that would do. */
export function methodNotAllowed(methods: readonly string[]): RequestHandler {
  const allow = methods.join(', ');
  return (req, res) => {
    res.set('Allow', allow);
    throw new RerankError('method_not_allowed', `${req.method} is not allowed here; use ${allow}`);
  };
}

/** Now that the body is understood, errors are worded by the dialect that claims it. */
function chooseByBody(mounted: MountedRoute): RequestHandler {
  return (req, res, next) => {
    contextOf(res).dialect = mounted.claimOf(req.body).dialect;
    next();
  };
}

/** After the body has been read, so that a client that is still sending gets to see the answer. */
function refuseUnlessServing({ scorer, refusesWork }: AppDependencies): RequestHandler {
  return (_req, res, next) => {
    if (refusesWork()) throw new RerankError('draining', 'the server is shutting down', { retryAfterSeconds: 1 });
    if (scorer.status().state === 'starting') {
      throw new RerankError('not_ready', 'the model is being loaded', { retryAfterSeconds: 1 });
    }
    contextOf(res).logger.debug('accepted');
    next();
  };
}

/** A caller may ask for less time than the server allows, never for more. */
const heedCallerTimeout: RequestHandler = (req, res, next) => {
  const context = contextOf(res);
  const seconds = callerTimeoutSeconds(req.get('x-request-timeout'));
  if (seconds !== null) context.deadlineMs = Math.min(context.deadlineMs, context.startedMs + seconds * 1000);
  next();
};

function answerWith(mounted: MountedRoute, dependencies: AppDependencies, budget: BodyBudget): RequestHandler {
  const { service, scorer, settings } = dependencies;
  const { strictModel, maxClientBatchSize } = settings;
  const model = scorer.spec;
  const modelName = settings.servedModelName ?? model.id;
  const server = { service, model, modelName, strictModel, limits: { maxDocuments: maxClientBatchSize } };
  return async (req, res) => {
    const { id, deadlineMs, signal, urgency, record, releaseBody } = contextOf(res);
    const { route } = mounted.claimOf(req.body);
    record.calledMs = performance.now();
    const notePairs = (pairs: number) => {
      record.pairs = pairs;
    };
    const answer = await route.answer(req.body, { ...server, call: { id, deadlineMs, signal, urgency }, notePairs });
    Object.assign(record, { facts: answer.facts, timing: answer.timing, pairs: answer.pairs });
    if (!signal.aborted) await send(res, answer, budget);
    releaseBody();
  };
}

function send(res: Response, { body, facts, timing, headers }: Answer, budget: BodyBudget): Promise<void> {
  if (timing !== undefined) res.set('Server-Timing', serverTiming(timing));
  // For contracts whose answers have no place for it.
  const truncated = facts?.truncated.length ?? 0;
  if (truncated > 0) res.set('X-Truncated', String(truncated));
  if (headers !== undefined) res.set(headers);
  return writeJson(res, body, budget);
}

/** @see https://www.w3.org/TR/server-timing/ (milliseconds) */
function serverTiming({ queueMs, tokenizationMs, inferenceMs, totalMs }: CallTiming): string {
  const parts = { queue: queueMs, tok: tokenizationMs, inf: inferenceMs, total: totalMs };
  return Object.entries(parts)
    .map(([name, ms]) => `${name};dur=${ms.toFixed(1)}`)
    .join(', ');
}
