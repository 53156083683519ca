// Entry of the comparison's server: `crossrank serve` with a first-in-first-out queue before the workers. Nothing else differs.

import { Command } from 'commander';
import { addConfigFlags, readConfigFlags } from '../../src/cli/config-flags.ts';
import { createPool, readSpec } from '../../src/cli/engine.ts';
import { startLifecycle } from '../../src/cli/lifecycle.ts';
import { createMetrics } from '../../src/cli/serving.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import { DEFAULT_RERANKER_OPTIONS, Reranker } from '../../src/rerank/reranker.ts';
import { UNRECORDED } from '../../src/tracing.ts';
import { FifoQueue } from './fifo-queue.ts';

async function serve(config: Config): Promise<void> {
  const logger = createLogger({ level: config.logLevel, json: true, colour: false, stream: process.stderr });
  const spec = await readSpec(config, logger, new AbortController().signal);
  const scorer = createPool(config, spec, logger, { nice: config.workerNice, queue: new FifoQueue() });
  const service = new Reranker(scorer, { ...DEFAULT_RERANKER_OPTIONS, maxQueueSeconds: config.maxQueueSeconds });
  const lifecycle = await startLifecycle(
    config,
    logger,
    { scorer, service, started: scorer.started },
    { metrics: createMetrics(config, spec), tracing: UNRECORDED },
  );
  process.once('SIGTERM', () => void lifecycle.shutdown('SIGTERM', 'announced'));
  logger.info('listening', { url: lifecycle.server.url });
  await scorer.started;
}

const command = addConfigFlags(new Command('serve')).action(() => {
  const { flags, problems } = readConfigFlags(command);
  return serve(loadConfig(flags, undefined, problems).config);
});

await new Command().addCommand(command).parseAsync(process.argv.slice(2), { from: 'user' });
