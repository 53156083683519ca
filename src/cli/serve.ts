// The command `crossrank serve`: one process, or several behind one port.

import { Command } from 'commander';
import { type Config, type FlagTexts, type LoadedConfig, loadConfig, printableConfig, traceSettings } from '../config.ts';
import { DIALECTS } from '../http/dialects/dialect-list.ts';
import { dialectNamed } from '../http/route-table.ts';
import type { Logger } from '../logger.ts';
import { startTracing } from '../tracing.ts';
import { addConfigFlags, readConfigFlags } from './config-flags.ts';
import { createEngine, readSpec } from './engine.ts';
import { endedBySignals } from './interrupt.ts';
import { KILL_THIS_PROCESS } from './last-resort.ts';
import { type Engine, type Lifecycle, startLifecycle } from './lifecycle.ts';
import { serveInProcesses } from './serve-primary.ts';
import { createMetrics, endOnBugs, metricsUrl, serveLogger, servingFacts, showExample } from './serving.ts';
import { listenForServiceSignals } from './signals.ts';

export function serveCommand(): Command {
  const command = new Command('serve').description('serve a cross-encoder over HTTP (the default command)');
  return addConfigFlags(command).action(async () => {
    const { flags, problems } = readConfigFlags(command);
    await serve(loadConfig(flags, undefined, problems), flags);
  });
}

/** Returns when the server is ready, or, with several processes, when they have ended. @throws RerankError when it cannot start */
async function serve({ config, warnings }: LoadedConfig, flags: FlagTexts): Promise<void> {
  const startedMs = performance.now();
  if (config.dialect !== null) dialectNamed(DIALECTS, config.dialect); // a wrong name shows before a model is loaded
  const logger = serveLogger(config);
  for (const warning of warnings) logger.warn(warning);
  logger.debug('configuration', printableConfig(config));
  const context = { config, logger, startedMs };
  await (config.processes === 1 ? serveAlone(context) : serveInProcesses({ ...context, flags }));
}

interface ServeContext {
  readonly config: Config;
  readonly logger: Logger;
  readonly startedMs: number;
}

async function serveAlone({ config, logger, startedMs }: ServeContext): Promise<void> {
  const tracing = await startTracing(traceSettings(config), logger);
  // Before it listens: how long a download takes is not known, and a server that is ready must have its model.
  const spec = await endedBySignals((signal) => readSpec(config, logger, signal));
  const metrics = createMetrics(config, spec);
  const engine = createEngine(config, spec, logger, metrics);
  const starting = startLifecycle(config, logger, engine, { metrics, tracing, lastResort: KILL_THIS_PROCESS });
  const lifecycle = await starting.catch((error: unknown) => closeAndThrow(engine, error));
  listenForServiceSignals({
    onEnd: (reason, manner) => lifecycle.shutdown(reason, manner),
    onRestart: () => logger.warn('SIGHUP does nothing: restarts without a gap need --processes 2 or more'),
  });
  endOnBugs(logger, (reason) => void lifecycle.shutdown(reason, 'prompt'));
  logger.info('listening; the model is being loaded', { url: lifecycle.server.url, metrics_url: metricsUrl(lifecycle) });
  await engine.started.catch((error: unknown) => stopAndThrow(lifecycle, error));
  if (lifecycle.isDraining()) return;
  const facts = servingFacts(config, engine, lifecycle);
  logger.info('ready', { ...facts, ready_ms: Math.round(performance.now() - startedMs) });
  showExample(facts.url);
}

async function closeAndThrow(engine: Engine, error: unknown): Promise<never> {
  engine.started.catch(() => {}); // the first failure is the one to report
  await engine.scorer.close(0);
  throw error;
}

async function stopAndThrow(lifecycle: Lifecycle, error: unknown): Promise<void> {
  if (lifecycle.isDraining()) return; // loading was cut short, which is no failure
  await lifecycle.shutdown('the model could not be loaded', 'prompt');
  throw error;
}
