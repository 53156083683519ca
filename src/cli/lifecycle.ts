// The life of a serving process: start, drain, retire, stop. Ends the process only when it hangs: a thread inside a run would abort it.

import { setTimeout as sleep } from 'node:timers/promises';
import type { PortName, ShutdownManner } from '../cluster/messages.ts';
import type { Config } from '../config.ts';
import { hostRule } from '../http/allowed-hosts.ts';
import { answerHooks } from '../http/answer-hooks.ts';
import { createApp } from '../http/app.ts';
import { BodyBudget } from '../http/body-budget.ts';
import type { MetricsText } from '../http/dependencies.ts';
import { metricsListener } from '../http/metrics-route.ts';
import { type ConnectionSource, type RunningServer, startServer } from '../http/server.ts';
import type { Logger } from '../logger.ts';
import type { ServerMetrics } from '../metrics.ts';
import type { Scorer } from '../protocol.ts';
import type { RerankService } from '../rerank/types.ts';
import type { Tracing } from '../tracing.ts';
import { EndTimer, type LastResort } from './last-resort.ts';

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
  /** Where connections come from when the primary listens. */
  readonly sources?: Readonly<Record<PortName, ConnectionSource>>;
  /** What ends the process when a shutdown that has run out does not. */
  readonly lastResort?: LastResort;
}

export interface Lifecycle {
  readonly server: RunningServer;
  /** Of `--prometheus-port`; null without it. */
  readonly metricsServer: RunningServer | null;
  isDraining(): boolean;
  /**
   * Readiness turns to 503; after the drain delay (`announced` only) new work is refused, accepted work finishes within the drain timeout,
   * then workers and socket close. Called again it stops waiting: what is queued fails, what runs still ends on its own.
   */
  shutdown(reason: string, manner: ShutdownManner): Promise<void>;
  /**
   * Gives way to a successor on the same port: takes no new connections, and serves the open ones until they end. Each answer ends its
   * connection; an idle one is kept as long as its client was promised, which is the keep-alive timeout.
   */
  retire(): Promise<void>;
}

const CUT_AFTER_MS = 1000; // for answers on their way when everything else is done

/**
 * How long idle connections stay open once new work is refused, for requests that are on their way: they are told 503 instead of being reset.
 * A person who pressed Ctrl-C does not wait for it.
 */
const IDLE_GRACE_MS = 1000;

/** Listens at once, so that probes are answered while the model loads. @throws RerankError `config` when it cannot listen */
export async function startLifecycle(
  config: Config,
  logger: Logger,
  engine: Engine,
  instruments: Instruments,
): Promise<Lifecycle> {
  const stage: Stage = { draining: false, refusing: false };
  const { scorer, service } = engine;
  const { metrics, tracing, exposition = metrics, sources } = instruments;
  const isDraining = () => stage.draining;
  const refusesWork = () => stage.refusing;
  metrics.watch({ scorer, isDraining });
  const budget = new BodyBudget(config.maxInflightBytes);
  const seen = { metrics: exposition, observer: metrics.requests, tracer: tracing.tracer };
  const app = createApp({ service, scorer, settings: config, logger, isDraining, refusesWork, budget, ...seen });
  const server = await startServer(app, config, { ...answerHooks(budget, logger), source: sources?.api });
  const metricsServer = await startMetricsServer(config, exposition, sources?.metrics).catch(async (error: unknown) => {
    await server.stop(0);
    throw error;
  });
  const endTimer = new EndTimer(logger, instruments.lastResort);
  return new ServingLife({ config, logger, scorer, server, metricsServer, tracing, stage, endTimer });
}

/** A port of its own, so that the main one can be closed to scrapers. */
async function startMetricsServer(
  config: Config,
  metrics: MetricsText,
  source: ConnectionSource | undefined,
): Promise<RunningServer | null> {
  const { prometheusPort } = config;
  if (prometheusPort === null) return null;
  const listener = metricsListener(metrics, hostRule(config.hostname, config.allowedHosts));
  return startServer(listener, { ...config, port: prometheusPort }, { portFlag: '--prometheus-port', source });
}

/** The longest {@link Lifecycle.shutdown} waits for accepted work, in milliseconds. */
export function drainLimitMs({ drainDelaySeconds, drainTimeoutSeconds }: Config): number {
  return (drainDelaySeconds + drainTimeoutSeconds) * 1000;
}

/** The longest {@link Lifecycle.retire} waits: a connection that is idle to the last moment, then sends one slow request that takes its time. */
export function retireLimitMs({ keepAliveTimeoutSeconds, bodyTimeoutSeconds, requestTimeoutSeconds }: Config): number {
  return (keepAliveTimeoutSeconds + bodyTimeoutSeconds + requestTimeoutSeconds) * 1000;
}

/** What the application looks at. */
interface Stage {
  draining: boolean;
  refusing: boolean;
}

interface LifeParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly scorer: Scorer;
  readonly server: RunningServer;
  readonly metricsServer: RunningServer | null;
  readonly tracing: Tracing;
  readonly stage: Stage;
  readonly endTimer: EndTimer;
}

class ServingLife implements Lifecycle {
  readonly server: RunningServer;
  readonly metricsServer: RunningServer | null;
  readonly #parts: LifeParts;
  /** Aborted by the second signal. */
  readonly #hurry = new AbortController();
  /** Aborted when a shutdown begins. */
  readonly #told = new AbortController();
  #retired: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;

  constructor(parts: LifeParts) {
    this.#parts = parts;
    this.server = parts.server;
    this.metricsServer = parts.metricsServer;
  }

  isDraining(): boolean {
    return this.#parts.stage.draining;
  }

  shutdown(reason: string, manner: ShutdownManner): Promise<void> {
    if (this.#told.signal.aborted) this.#hurry.abort();
    this.#parts.logger.info(this.#hurry.signal.aborted ? 'shutting down without waiting' : 'shutting down', { reason });
    this.#parts.endTimer.arm(this.#hurry.signal.aborted ? 0 : drainLimitMs(this.#parts.config));
    this.#told.abort();
    this.#parts.stage.draining = true;
    this.#stopped ??= this.#drain(manner);
    return this.#stopped;
  }

  retire(): Promise<void> {
    this.#retired ??= this.#retire();
    return this.#retired;
  }

  async #drain(manner: ShutdownManner): Promise<void> {
    const { config, server, stage } = this.#parts;
    const hurry = this.#hurry.signal;
    server.closeAfterAnswers();
    if (manner === 'announced') await sleep(config.drainDelaySeconds * 1000, null, { signal: hurry }).catch(() => {});
    stage.refusing = true;
    const grace = manner === 'announced' ? IDLE_GRACE_MS : 0;
    const quiet = Promise.all([server.answered(), outcomeOf(server.emptied(), grace, hurry)]);
    await this.#close(await outcomeOf(quiet, config.drainTimeoutSeconds * 1000, hurry));
  }

  async #retire(): Promise<void> {
    const { config, logger, server, metricsServer } = this.#parts;
    if (this.#stopped !== null) return this.#stopped;
    logger.info('retiring');
    this.#parts.endTimer.arm(retireLimitMs(config));
    server.closeAfterAnswers();
    server.leavePort();
    metricsServer?.leavePort();
    const outcome = await outcomeOf(server.emptied(), retireLimitMs(config), this.#told.signal);
    this.#stopped ??= this.#close(outcome); // set by a shutdown that came in between
    return this.#stopped;
  }

  async #close(outcome: Outcome): Promise<void> {
    const { logger, scorer, server, metricsServer, tracing } = this.#parts;
    if (outcome !== 'done') logger.warn('requests are cut short', { reason: outcome });
    try {
      await scorer.close(0); // all accepted work is done, or its time is up
    } finally {
      await server.stop(CUT_AFTER_MS);
      await metricsServer?.stop(0); // last, so that the drain can be watched
      await tracing.close();
    }
    logger.info('stopped');
  }
}

type Outcome = 'done' | 'timeout' | 'hurry';

async function outcomeOf(work: Promise<unknown>, limitMs: number, hurry: AbortSignal): Promise<Outcome> {
  const over = new AbortController();
  const time = sleep(limitMs, 'timeout' as const, { signal: AbortSignal.any([hurry, over.signal]) }).catch(
    () => 'hurry' as const,
  );
  const outcome = await Promise.race([work.then(() => 'done' as const), time]);
  over.abort();
  return outcome;
}
