// Liveness, readiness and what is served. These answer while the model loads and while the server drains.

import { type RequestHandler, Router } from 'express';
import { ERROR_STATUS } from '../errors.ts';
import type { AppDependencies } from './dependencies.ts';
import { methodNotAllowed } from './dialect-router.ts';
import type { RouteTable } from './route-table.ts';
import { serverInfo } from './server-info.ts';

const PROBES = ['/health', '/ready', '/ping'];

/** Whether whatever watches the server asks this path, every few seconds. */
export function isProbe({ prefixes }: RouteTable): (path: string) => boolean {
  const paths = new Set(['', ...prefixes.map((name) => `/${name}`)].flatMap((prefix) => PROBES.map((probe) => prefix + probe)));
  return (path) => paths.has(path);
}

const RETRY_SECONDS = 1;

/** `/health`: the process lives. `/ready`, `/ping`: every worker is warm and new work is welcome. `/info`: model and limits. */
export function probeRoutes(dependencies: AppDependencies): Router {
  const handlers: Readonly<Record<string, RequestHandler>> = {
    '/health': (_req, res) => void res.json({ status: 'ok' }),
    '/ready': ready(dependencies),
    '/ping': ready(dependencies), // what SageMaker asks before it sends requests
    '/info': (_req, res) => void res.json(serverInfo(dependencies)),
  };
  const router = Router();
  for (const [path, handler] of Object.entries(handlers)) {
    router
      .route(path)
      .get(handler)
      .all(methodNotAllowed(['GET', 'HEAD']));
  }
  return router;
}

function ready({ scorer, isDraining }: AppDependencies): RequestHandler {
  return (_req, res) => {
    const { state, workers, readyWorkers, lastError } = scorer.status();
    const reason = isDraining() ? 'draining' : state;
    res.set('Cache-Control', 'no-store');
    if (reason === 'ready') {
      res.json({ status: 'ready', workers, ready_workers: readyWorkers });
      return;
    }
    res.set('Retry-After', String(RETRY_SECONDS));
    res.status(ERROR_STATUS.not_ready);
    res.json({ status: 'not_ready', reason, workers, ready_workers: readyWorkers, last_error: lastError });
  };
}
