// The command `crossrank serve`: configuration, logger, engine, server, signals.

import { Command } from 'commander';
import { type Config, coloursWanted, type LoadedConfig, loadConfig, printableConfig, traceSettings } from '../config.ts';
import { DIALECTS } from '../http/dialects/dialect-list.ts';
import { dialectNamed } from '../http/route-table.ts';
import { memoryLimitBytes } from '../limits.ts';
import { createLogger, type Logger } from '../logger.ts';
import { ServerMetrics } from '../metrics.ts';
import type { ModelSpec } from '../protocol.ts';
import { startTracing } from '../tracing.ts';
import { addConfigFlags, readConfigFlags } from './config-flags.ts';
import { createEngine, readSpec } from './engine.ts';
import { endedBySignals } from './interrupt.ts';
import { type Engine, type Lifecycle, startLifecycle } from './lifecycle.ts';

export function serveCommand(): Command {
  const command = new Command('serve').description('serve a cross-encoder over HTTP (the default command)');
  return addConfigFlags(command).action(async () => {
    const { flags, problems } = readConfigFlags(command);
    await serve(loadConfig(flags, undefined, problems));
  });
}

/** Returns when the server is ready; the process then lives until a signal. @throws RerankError when it cannot start */
async function serve({ config, warnings }: LoadedConfig): Promise<void> {
  const startedMs = performance.now();
  if (config.dialect !== null) dialectNamed(DIALECTS, config.dialect); // a wrong name shows before a model is loaded
  const logger = serveLogger(config);
  for (const warning of warnings) logger.warn(warning);
  logger.debug('configuration', printableConfig(config));
  const tracing = await startTracing(traceSettings(config), logger);
  // Before it listens: how long a download takes is not known, and a server that is ready must have its model.
  const spec = await endedBySignals((signal) => readSpec(config, logger, signal));
  const metrics = createMetrics(config, spec);
  const engine = createEngine(config, spec, logger, metrics);
  const starting = startLifecycle(config, logger, engine, { metrics, tracing });
  const lifecycle = await starting.catch((error: unknown) => closeAndThrow(engine, error));
  shutDownOnSignals(lifecycle);
  shutDownOnBugs(lifecycle, logger);
  logger.info('listening; the model is being loaded', { url: lifecycle.server.url, metrics_url: metricsUrl(lifecycle) });
  await engine.started.catch((error: unknown) => stopAndThrow(lifecycle, error));
  if (!lifecycle.isDraining()) announce({ config, logger, engine, lifecycle, readyMs: performance.now() - startedMs });
}

/** The series of this process. */
export function createMetrics({ servedModelName, maxQueueSeconds }: Config, spec: ModelSpec): ServerMetrics {
  return new ServerMetrics({
    modelName: servedModelName ?? spec.id,
    dialects: DIALECTS.map(({ name }) => name),
    maxInputLength: spec.maxLength,
    maxQueueSeconds,
    memoryLimitBytes: memoryLimitBytes(),
  });
}

function metricsUrl({ metricsServer }: Lifecycle): string | undefined {
  return metricsServer === null ? undefined : `${metricsServer.url}/metrics`;
}

function serveLogger({ logLevel, jsonOutput }: Config): Logger {
  const terminal = process.stderr.isTTY === true;
  const json = jsonOutput ?? !terminal;
  return createLogger({ level: logLevel, json, colour: terminal && coloursWanted(), stream: process.stderr });
}

async function closeAndThrow(engine: Engine, error: unknown): Promise<never> {
  engine.started.catch(() => {}); // the first failure is the one to report
  await engine.scorer.close(0);
  throw error;
}

async function stopAndThrow(lifecycle: Lifecycle, error: unknown): Promise<never> {
  await lifecycle.shutdown('the model could not be loaded');
  throw error;
}

function shutDownOnSignals(lifecycle: Lifecycle): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => void lifecycle.shutdown(signal));
  }
}

/** A bug may have left anything half done: accepted work gets its chance, then the supervisor starts us anew. */
function shutDownOnBugs(lifecycle: Lifecycle, logger: Logger): void {
  const fail = (error: unknown) => {
    process.exitCode = 1;
    logger.error('bug: an error nobody handled', { error });
    void lifecycle.shutdown('internal error');
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
}

interface Announcement {
  readonly config: Config;
  readonly logger: Logger;
  readonly engine: Engine;
  readonly lifecycle: Lifecycle;
  readonly readyMs: number;
}

function announce({ config, logger, engine, lifecycle, readyMs }: Announcement): void {
  const { spec } = engine.scorer;
  const { url } = lifecycle.server;
  logger.info('ready', {
    url,
    model: config.servedModelName ?? spec.id,
    workers: config.workers,
    max_length: spec.maxLength,
    activation: spec.activation,
    ready_ms: Math.round(readyMs),
  });
  if (process.stderr.isTTY === true) process.stderr.write(`\n  try it:\n\n    ${curlExample(url)}\n\n`);
}

function curlExample(url: string): string {
  const body = { query: 'what is a panda?', documents: ['The giant panda is a bear.', 'Hello.'] };
  return `curl -s ${url}/rank -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'`;
}
