// The life of a serving process: start, drain, stop. Never ends the process itself: a thread inside a run would abort it.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { createApp } from '../http/app.ts';
import { type RunningServer, startServer } from '../http/server.ts';
import type { Logger } from '../logger.ts';
import type { Scorer } from '../protocol.ts';
import type { RerankService } from '../rerank/types.ts';

/** What scores; the worker pool and its reranker in production. */
export interface Engine {
  readonly scorer: Scorer;
  readonly service: RerankService;
  /** Resolves when every worker is warm, rejects with the cause when one cannot load. */
  readonly started: Promise<void>;
}

export interface Lifecycle {
  readonly server: RunningServer;
  isDraining(): boolean;
  /**
   * Readiness turns to 503 and new work is refused; accepted work finishes within the drain timeout, then workers and socket close.
   * Called again it stops waiting: what is queued fails, what runs still ends on its own.
   */
  shutdown(reason: string): Promise<void>;
}

const CUT_AFTER_MS = 1000; // for answers on their way when everything else is done

/** Listens at once, so that probes are answered while the model loads. @throws RerankError `config` when it cannot listen */
export async function startLifecycle(config: Config, logger: Logger, engine: Engine): Promise<Lifecycle> {
  const hurry = new AbortController();
  let stopped: Promise<void> | null = null;
  const isDraining = () => stopped !== null;
  const { scorer, service } = engine;
  const app = createApp({ service, scorer, settings: config, logger, isDraining });
  const server = await startServer(app, config);
  const shutdown = (reason: string): Promise<void> => {
    if (stopped !== null) hurry.abort();
    logger.info(stopped === null ? 'shutting down' : 'shutting down without waiting', { reason });
    stopped ??= stop({ server, scorer, drainMs: config.drainTimeoutSeconds * 1000, hurry: hurry.signal, logger });
    return stopped;
  };
  return { server, isDraining, shutdown };
}

interface StopOptions {
  readonly server: RunningServer;
  readonly scorer: Scorer;
  readonly drainMs: number;
  /** Aborted by the second signal. */
  readonly hurry: AbortSignal;
  readonly logger: Logger;
}

async function stop({ server, scorer, drainMs, hurry, logger }: StopOptions): Promise<void> {
  const timeUp = new AbortController();
  const waited = sleep(drainMs, 'timeout', { signal: AbortSignal.any([hurry, timeUp.signal]) }).catch(() => 'hurry' as const);
  const outcome = await Promise.race([server.drain().then(() => 'drained' as const), waited]);
  timeUp.abort();
  if (outcome !== 'drained') logger.warn('requests are cut short', { reason: outcome });
  try {
    await scorer.close(0); // all accepted work is done, or its time is up
  } finally {
    await server.stop(CUT_AFTER_MS);
  }
  logger.info('stopped');
}
