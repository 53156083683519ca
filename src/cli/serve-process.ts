// One serving process of several: told by the primary what to serve, when to retire and when to end.

import { deferred } from '../cluster/deferred.ts';
import { Exchange } from '../cluster/exchange.ts';
import type { FromProcess, ProcessSnapshot, ShutdownManner, StartOrder, ToProcess } from '../cluster/messages.ts';
import { openPrimaryLine, type PrimaryLine } from '../cluster/process-line.ts';
import { type Config, loadConfig, traceSettings } from '../config.ts';
import { RerankError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { type MetricsSnapshot, mergeSnapshots, type ServerMetrics } from '../metrics.ts';
import { startTracing } from '../tracing.ts';
import { createEngine, specOf } from './engine.ts';
import { KILL_THIS_PROCESS } from './last-resort.ts';
import { type Engine, type Lifecycle, startLifecycle } from './lifecycle.ts';
import { createMetrics, endOnBugs, serveLogger, servingFacts } from './serving.ts';
import { endByHangUp, terminalIsGone } from './signals.ts';

/** Returns when the process has ended its work; the primary tells failures, once for all processes. */
export async function runServingProcess(): Promise<void> {
  const ended = deferred<void>();
  let serving: ServingProcess | null = null;
  const line = openPrimaryLine({
    onMessage: (message) => {
      if (message.kind !== 'start') return serving?.hear(message);
      // Now, not in a later tick: the next message may be there already, and tell it to end.
      serving = new ServingProcess(message, line);
      void serving.run().then(ended.resolve, ended.reject);
    },
    onLost: () => (serving === null ? ended.resolve() : serving.end('the primary process is gone', 'prompt')),
  });
  process.on('SIGTERM', () => serving?.end('SIGTERM', 'announced'));
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {}); // a terminal sends them to all; the primary decides
  try {
    await ended.promise;
  } catch (error) {
    process.exitCode = 1;
    line.send(failureMessage(error));
  } finally {
    line.close();
    if (terminalIsGone()) endByHangUp();
  }
}

class ServingProcess {
  readonly #order: StartOrder;
  readonly #line: PrimaryLine;
  readonly #over = deferred<void>();
  #parts: Parts | null = null;
  #lifecycle: Lifecycle | null = null;
  #told = false;
  #ending = false;

  constructor(order: StartOrder, line: PrimaryLine) {
    this.#order = order;
    this.#line = line;
  }

  /** Resolves when it was told to end, or to retire, and has done so. @throws RerankError when it cannot start */
  async run(): Promise<void> {
    const parts = buildParts(this.#order, this.#line);
    this.#parts = parts;
    endOnBugs(parts.logger, (reason) => this.end(reason, 'prompt'));
    try {
      await this.#start(parts);
      if (this.#lifecycle !== null && !this.#ending)
        this.#line.send({ kind: 'ready', facts: servingFacts(parts.config, parts.engine, this.#lifecycle) });
    } catch (error) {
      const wasEnding = this.#ending; // then loading was cut short, which is no failure
      this.end('it cannot start', 'prompt');
      if (!wasEnding) await this.#over.promise.then(() => Promise.reject(error));
    }
    await this.#over.promise;
    await parts.exchange.sayFarewell();
  }

  hear(message: ToProcess): void {
    if (message.kind === 'shutdown') this.#shutdown(message.reason, message.manner);
    if (message.kind === 'ping') this.#line.send({ kind: 'pong', fit: this.#isFit() });
    if (message.kind === 'retire') this.#follow(this.#lifecycle?.retire());
    this.#parts?.exchange.hear(message);
  }

  #isFit(): boolean {
    return this.#parts?.engine.scorer.status().state === 'ready';
  }

  /** Asked again, it changes nothing: a supervisor that signals every process has asked once. */
  end(reason: string, manner: ShutdownManner): void {
    if (this.#ending) return;
    this.#ending = true;
    const { engine } = this.#parts ?? {};
    this.#follow(this.#lifecycle === null ? engine?.scorer.close(0) : this.#lifecycle.shutdown(reason, manner));
  }

  /** The primary's word; its second one says not to wait. */
  #shutdown(reason: string, manner: ShutdownManner): void {
    if (this.#told) void this.#lifecycle?.shutdown(reason, manner);
    this.#told = true;
    this.end(reason, manner);
  }

  async #start(parts: Parts): Promise<void> {
    const { listen } = this.#order;
    if (listen === 'at-once') await this.#listen(parts);
    await parts.engine.started;
    if (listen === 'when-ready' && !this.#ending) await this.#listen(parts);
  }

  async #listen({ config, logger, engine, exchange, metrics }: Parts): Promise<void> {
    const tracing = await startTracing(traceSettings(config), logger);
    const exposition = { contentType: metrics.contentType, text: async () => mergedText(await exchange.collect()) };
    const sources = { api: this.#line.connectionsOf('api'), metrics: this.#line.connectionsOf('metrics') };
    this.#lifecycle = await startLifecycle(config, logger, engine, {
      metrics,
      tracing,
      exposition,
      sources,
      lastResort: KILL_THIS_PROCESS,
    });
    this.#line.send({ kind: 'listening', url: this.#lifecycle.server.url });
    if (this.#ending) await this.#lifecycle.shutdown('told so while it began', 'prompt');
  }

  /** What it ends with. */
  #follow(ending: Promise<void> | undefined): void {
    void Promise.resolve(ending).then(this.#over.resolve, this.#over.reject);
  }
}

interface Parts {
  readonly config: Config;
  readonly logger: Logger;
  readonly engine: Engine;
  readonly exchange: Exchange;
  readonly metrics: ServerMetrics;
}

/** @throws RerankError when the configuration or the model is not what the primary saw */
function buildParts({ flags, model, port, metricsPort, process }: StartOrder, line: PrimaryLine): Parts {
  const config: Config = { ...loadConfig(flags).config, port, prometheusPort: metricsPort };
  const logger = serveLogger(config).child({ process });
  const spec = specOf(config, model);
  const metrics = createMetrics(config, spec);
  const engine = createEngine(config, spec, logger, metrics);
  const exchange = new Exchange({ process, send: line.send, own: () => metrics.snapshot() });
  return { config, logger, engine, exchange, metrics };
}

/** Of all processes, whichever of them is asked. */
function mergedText(snapshots: readonly ProcessSnapshot[]): Promise<string> {
  return mergeSnapshots(snapshots.map(({ snapshot }) => snapshot as MetricsSnapshot));
}

function failureMessage(error: unknown): FromProcess {
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'failed', code: error instanceof RerankError ? error.code : 'internal', message };
}
