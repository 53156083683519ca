// The Express application: middleware order only. It listens nowhere and owns nothing.

import express, { type Express, type RequestHandler } from 'express';
import { RerankError } from '../errors.ts';
import { shorten } from '../short-text.ts';
import { accessLog } from './access-log.ts';
import { hostRule, requireHost } from './allowed-hosts.ts';
import { requireApiKey } from './auth.ts';
import { browserOrigins } from './browser-origins.ts';
import type { AppDependencies } from './dependencies.ts';
import { dialectRouter } from './dialect-router.ts';
import type { Dialect } from './dialects/dialect.ts';
import { DIALECTS } from './dialects/dialect-list.ts';
import { documentationRoutes } from './documentation-routes.ts';
import { errorHandler } from './error-handler.ts';
import { METRICS_PATH, metricsRoute } from './metrics-route.ts';
import { isProbe, probeRoutes } from './probe-routes.ts';
import { requestContext } from './request-context.ts';
import { reportRequests } from './request-report.ts';
import { RouteTable } from './route-table.ts';

/**
 * @param dialects another list, for tests of the port itself
 * @throws RerankError `config` when `--dialect` names none of them
 */
export function createApp(dependencies: AppDependencies, dialects: readonly Dialect[] = DIALECTS): Express {
  const { settings, logger, observer, tracer } = dependencies;
  const table = new RouteTable(dialects, settings.dialect);
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag'); // answers are computed anew each time
  const isWatched = isProbe(table);
  const isQuiet = (path: string) => isWatched(path) || path === METRICS_PATH;
  app.use(requestContext({ timeoutMs: settings.requestTimeoutSeconds * 1000, logger, table, tracer, isQuiet }));
  app.use(reportRequests(isQuiet, observer, accessLog(isQuiet)));
  app.use(requireHost(hostRule(settings.hostname, settings.allowedHosts)));
  app.use(...browserOrigins(settings.corsAllowOrigins));
  const keys = [...settings.apiKeys, ...settings.fileApiKeys];
  app.use(requireApiKey(keys, settings.metricsAuth ? isWatched : isQuiet));
  const probes = probeRoutes(dependencies);
  app.use(probes);
  for (const prefix of table.prefixes) app.use(`/${prefix}`, probes); // a client's base URL with its prefix is asked, too
  app.use(METRICS_PATH, metricsRoute(dependencies.metrics));
  const { strictModel, metricsAuth } = settings;
  app.use(documentationRoutes(table, { secured: keys.length > 0, strictModel, openMetrics: !metricsAuth }));
  app.use(dialectRouter(table, dependencies));
  app.use(notFound);
  app.use(errorHandler(table, logger));
  return app;
}

const notFound: RequestHandler = (req) => {
  throw new RerankError('not_found', `there is no ${shorten(req.path)} here`);
};
