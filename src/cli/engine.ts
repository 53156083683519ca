// Assembles what scores: model files -> worker pool -> reranker.

import { type Config, modelDirectory } from '../config.ts';
import { RerankError } from '../errors.ts';
import { memoryLimitBytes } from '../limits.ts';
import type { Logger } from '../logger.ts';
import { checkMemory } from '../model/memory-estimate.ts';
import { loadModelSpec } from '../model/model-spec.ts';
import { ownWeightsSource } from '../model/weights.ts';
import { type PoolEvent, WorkerPool } from '../pool/worker-pool.ts';
import type { ModelSpec } from '../protocol.ts';
import { Reranker } from '../rerank/reranker.ts';
import type { Engine } from './lifecycle.ts';

/**
 * Begins to load the model; the engine's `started` tells when it is warm.
 *
 * @throws RerankError `model_files` when the directory holds no model we can serve, `config` when an option does not fit it
 */
export function createEngine(config: Config, logger: Logger): Engine {
  const scorer = createPool(config, readSpec(config, logger), logger);
  const service = new Reranker(scorer, {
    servedModelName: config.servedModelName,
    maxQueueSeconds: config.maxQueueSeconds,
    promptDefaults: { prompt: config.defaultPrompt, promptName: config.defaultPromptName },
  });
  return { scorer, service, started: scorer.started };
}

/**
 * Reads the model's files and checks that the configuration fits them.
 *
 * @throws RerankError `model_files` or `config`, as {@link createEngine}
 */
export function readSpec(config: Config, logger: Logger): ModelSpec {
  const { onnxFile, maxLength, pairTemplate } = config;
  const spec = loadModelSpec(modelDirectory(config), { id: null, onnxFile, maxLength, pairTemplate });
  for (const warning of spec.warnings) logger.warn(warning);
  checkDefaultPrompt(config, spec);
  checkMemory(spec, config.workers, memoryLimitBytes());
  return spec;
}

/** Begins to start the workers; the pool's `started` tells when they are warm. */
export function createPool(config: Config, spec: ModelSpec, logger: Logger): WorkerPool {
  return new WorkerPool({
    spec,
    weights: ownWeightsSource(spec),
    workers: config.workers,
    cpuMemArena: config.cpuMemArena,
    onEvent: (event) => logPoolEvent(logger, event),
  });
}

function checkDefaultPrompt({ defaultPromptName }: Config, { prompts, id }: ModelSpec): void {
  if (defaultPromptName === null || Object.hasOwn(prompts, defaultPromptName)) return;
  const names = Object.keys(prompts).join(', ') || 'none';
  throw new RerankError(
    'config',
    `--default-prompt-name ${defaultPromptName}: ${id} has no prompt of that name; it has ${names}`,
  );
}

function logPoolEvent(logger: Logger, event: PoolEvent): void {
  const { kind, ...fields } = event;
  if (kind === 'rebuilt') logger.info('workers are back', fields);
  else logger.error(kind === 'rebuilding' ? 'workers are being restarted' : 'a worker died', fields);
}
