// The life of a serving process: start, drain, stop. Never ends the process itself: a thread inside a run would abort it.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { createApp } from '../http/app.ts';
import type { MetricsText } from '../http/dependencies.ts';
import { metricsListener } from '../http/metrics-route.ts';
import { type RunningServer, startServer } from '../http/server.ts';
import type { Logger } from '../logger.ts';
import type { ServerMetrics } from '../metrics.ts';
import type { Scorer } from '../protocol.ts';
import type { RerankService } from '../rerank/types.ts';
import type { Tracing } from '../tracing.ts';

/** What scores; the worker pool and its reranker in production. */
export interface Engine {
  readonly scorer: Scorer;
  readonly service: RerankService;
  /** Resolves when every worker is warm, rejects with the cause when one cannot load. */
  readonly started: Promise<void>;
}

/** What lets others see inside. */
export interface Instruments {
  readonly metrics: ServerMetrics;
  readonly tracing: Tracing;
  /** What GET /metrics answers where this process is one of several; by default the metrics of this one. */
  readonly exposition?: MetricsText;
}

export interface Lifecycle {
  readonly server: RunningServer;
  /** Of `--prometheus-port`; null without it. */
  readonly metricsServer: RunningServer | null;
  isDraining(): boolean;
  /**
   * Readiness turns to 503 and new work is refused; accepted work finishes within the drain timeout, then workers and socket close.
   * Called again it stops waiting: what is queued fails, what runs still ends on its own.
   */
  shutdown(reason: string): Promise<void>;
}

const CUT_AFTER_MS = 1000; // for answers on their way when everything else is done

/** Listens at once, so that probes are answered while the model loads. @throws RerankError `config` when it cannot listen */
export async function startLifecycle(
  config: Config,
  logger: Logger,
  engine: Engine,
  instruments: Instruments,
): Promise<Lifecycle> {
  const hurry = new AbortController();
  let stopped: Promise<void> | null = null;
  const isDraining = () => stopped !== null;
  const { scorer, service } = engine;
  const { metrics, tracing, exposition = metrics } = instruments;
  metrics.watch({ scorer, isDraining });
  const seen = { metrics: exposition, observer: metrics.requests, tracer: tracing.tracer };
  const app = createApp({ service, scorer, settings: config, logger, isDraining, ...seen });
  const server = await startServer(app, config);
  const metricsServer = await startMetricsServer(config, exposition).catch(async (error: unknown) => {
    await server.stop(0);
    throw error;
  });
  const shutdown = (reason: string): Promise<void> => {
    if (stopped !== null) hurry.abort();
    logger.info(stopped === null ? 'shutting down' : 'shutting down without waiting', { reason });
    const drainMs = config.drainTimeoutSeconds * 1000;
    stopped ??= stop({ server, metricsServer, scorer, tracing, drainMs, hurry: hurry.signal, logger });
    return stopped;
  };
  return { server, metricsServer, isDraining, shutdown };
}

/** A port of its own, so that the main one can be closed to scrapers. */
async function startMetricsServer(config: Config, metrics: MetricsText): Promise<RunningServer | null> {
  const { prometheusPort } = config;
  if (prometheusPort === null) return null;
  return startServer(metricsListener(metrics), { ...config, port: prometheusPort }, '--prometheus-port');
}

interface StopOptions {
  readonly server: RunningServer;
  readonly metricsServer: RunningServer | null;
  readonly scorer: Scorer;
  readonly tracing: Tracing;
  readonly drainMs: number;
  /** Aborted by the second signal. */
  readonly hurry: AbortSignal;
  readonly logger: Logger;
}

async function stop({ server, metricsServer, scorer, tracing, drainMs, hurry, logger }: StopOptions): Promise<void> {
  const timeUp = new AbortController();
  const waited = sleep(drainMs, 'timeout', { signal: AbortSignal.any([hurry, timeUp.signal]) }).catch(() => 'hurry' as const);
  const outcome = await Promise.race([server.drain().then(() => 'drained' as const), waited]);
  timeUp.abort();
  if (outcome !== 'drained') logger.warn('requests are cut short', { reason: outcome });
  try {
    await scorer.close(0); // all accepted work is done, or its time is up
  } finally {
    await server.stop(CUT_AFTER_MS);
    await metricsServer?.stop(0); // last, so that the drain can be watched
    await tracing.close();
  }
  logger.info('stopped');
}
