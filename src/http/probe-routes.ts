// Liveness, readiness and what is served. These answer while the model loads and while the server drains.

import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { ERROR_STATUS } from '../errors.ts';
import type { AppDependencies } from './dependencies.ts';
import { methodNotAllowed } from './dialect-router.ts';
import type { RouteTable } from './route-table.ts';
import { infoSchema, serverInfo } from './server-info.ts';

/** What documentation says of a path that no dialect serves; the bodies are typed by the schemas. */
export interface ProbeDescription {
  readonly path: string;
  /** One line, no full stop. */
  readonly summary: string;
  /** Whatever watches the server asks it every few seconds, without an API key. */
  readonly watched: boolean;
  readonly answers: readonly { readonly status: number; readonly description: string; readonly schema: z.ZodType }[];
}

const healthSchema = z.strictObject({ status: z.literal('ok') });

const counts = { workers: z.int(), ready_workers: z.int(), lost_workers: z.int() };
const readySchema = z.strictObject({ status: z.literal('ready'), ...counts });
const notReadySchema = z.strictObject({
  status: z.literal('not_ready'),
  reason: z.enum(['starting', 'ready', 'degraded', 'draining', 'closed']),
  ...counts,
  last_error: z.string().nullable(),
});

const READINESS = [
  { status: 200, description: 'Every worker is warm and new work is welcome', schema: readySchema },
  { status: ERROR_STATUS.not_ready, description: 'Loading, without workers, or draining', schema: notReadySchema },
];

export const PROBES: readonly ProbeDescription[] = [
  {
    path: '/health',
    summary: 'Whether the process lives',
    watched: true,
    answers: [{ status: 200, description: 'It does', schema: healthSchema }],
  },
  { path: '/ready', summary: 'Whether new work is welcome', watched: true, answers: READINESS },
  { path: '/ping', summary: 'Whether new work is welcome, for SageMaker', watched: true, answers: READINESS },
  {
    path: '/info',
    summary: 'The model, and which limits hold',
    watched: false,
    answers: [{ status: 200, description: 'Facts and limits', schema: infoSchema }],
  },
];

/** Whether whatever watches the server asks this path, every few seconds. */
export function isProbe({ prefixes }: RouteTable): (path: string) => boolean {
  const watched = PROBES.filter((probe) => probe.watched);
  const paths = new Set(
    ['', ...prefixes.map((name) => `/${name}`)].flatMap((prefix) => watched.map(({ path }) => prefix + path)),
  );
  return (path) => paths.has(path);
}

const RETRY_SECONDS = 1;

/** `/health`: the process lives. `/ready`, `/ping`: every worker is warm and new work is welcome. `/info`: model and limits. */
export function probeRoutes(dependencies: AppDependencies): Router {
  const handlers: Readonly<Record<string, RequestHandler>> = {
    '/health': (_req, res) => void res.json({ status: 'ok' } satisfies z.infer<typeof healthSchema>),
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
    const { state, workers, readyWorkers, lostWorkers, lastError } = scorer.status();
    const counted = { workers, ready_workers: readyWorkers, lost_workers: lostWorkers };
    const reason = isDraining() ? 'draining' : state;
    res.set('Cache-Control', 'no-store');
    if (reason === 'ready') {
      res.json({ status: 'ready', ...counted } satisfies z.infer<typeof readySchema>);
      return;
    }
    res.set('Retry-After', String(RETRY_SECONDS));
    res.status(ERROR_STATUS.not_ready);
    const body = { status: 'not_ready', reason, ...counted, last_error: lastError } as const;
    res.json(body satisfies z.infer<typeof notReadySchema>);
  };
}
