// Assembles what scores: model files -> worker pool -> reranker.

import type { Config } from '../config.ts';
import { RerankError } from '../errors.ts';
import { memoryLimitBytes } from '../limits.ts';
import type { Logger } from '../logger.ts';
import type { ResolvedModel } from '../model/hub/resolve-model.ts';
import { checkMemory, type MemoryPlan } from '../model/memory-estimate.ts';
import { loadModelSpec } from '../model/model-spec.ts';
import { type PreparedEvent, PreparedWeights } from '../model/prepared/prepared-weights.ts';
import { type BatchReport, type PoolEvent, WorkerPool, type WorkerPoolOptions } from '../pool/worker-pool.ts';
import type { ModelSpec } from '../protocol.ts';
import { Reranker } from '../rerank/reranker.ts';
import type { Engine } from './lifecycle.ts';
import { findModel } from './model-source.ts';

/** Whoever counts what the pool does. */
export interface PoolObserver {
  readonly onBatch: (batch: BatchReport) => void;
  readonly onPoolEvent: (event: PoolEvent) => void;
}

/**
 * Begins to load a model; the engine's `started` tells when it is warm.
 *
 * @param spec from {@link readSpec}
 */
export function createEngine(config: Config, spec: ModelSpec, logger: Logger, observer: PoolObserver): Engine {
  const scorer = createPool(config, spec, logger, { nice: config.workerNice, observer });
  const service = new Reranker(scorer, {
    servedModelName: config.servedModelName,
    maxQueueSeconds: config.maxQueueSeconds,
    promptDefaults: { prompt: config.defaultPrompt, promptName: config.defaultPromptName },
  });
  return { scorer, service, started: scorer.started };
}

/**
 * Finds the model, downloading it when it is one of the hub, reads its files and checks that the configuration fits them.
 *
 * @param signal ends a download
 * @throws RerankError `model_files` when there is no model we can serve, `config` when an option does not fit it, `cancelled`
 */
export async function readSpec(config: Config, logger: Logger, signal: AbortSignal, quiet = false): Promise<ModelSpec> {
  const spec = specOf(config, await findModel(config, logger, signal, quiet));
  for (const warning of spec.warnings) logger.warn(warning);
  return spec;
}

/**
 * {@link readSpec} of a model that is on the disk.
 *
 * @throws RerankError `model_files`, `config`
 */
export function specOf(config: Config, { directory, onnxFile }: ResolvedModel): ModelSpec {
  const { maxLength, pairTemplate } = config;
  const spec = loadModelSpec(directory, { id: null, onnxFile, maxLength, pairTemplate });
  checkDefaultPrompt(config, spec);
  checkMemory(spec, memoryPlan(config), memoryLimitBytes());
  return spec;
}

/** Begins to start the workers; the pool's `started` tells when they are warm. */
export function createPool(
  config: Config,
  spec: ModelSpec,
  logger: Logger,
  { observer, ...options }: Pick<WorkerPoolOptions, 'nice' | 'queue'> & { readonly observer?: PoolObserver } = {},
): WorkerPool {
  return new WorkerPool({
    spec,
    weights: createWeights(config, spec, (event) => logPreparedEvent(logger, event)),
    workers: config.workers,
    cpuMemArena: config.cpuMemArena,
    ...options,
    onEvent: (event) => {
      logPoolEvent(logger, event);
      observer?.onPoolEvent(event);
    },
    ...(observer && { onBatch: observer.onBatch }),
  });
}

/** The model's weights as the configuration wants them. */
export function createWeights(config: Config, spec: ModelSpec, onEvent: (event: PreparedEvent) => void): PreparedWeights {
  const { dtype, prepared, cacheDirectory } = config;
  const checkOwn = (): void => void checkMemory(spec, { ...memoryPlan(config), packed: false }, memoryLimitBytes());
  return new PreparedWeights({ spec, dtype, pack: prepared, cacheDirectory, onEvent, checkOwn });
}

function memoryPlan({ processes, workers, dtype, prepared }: Config): MemoryPlan {
  return { processes, workers, dtype, packed: prepared };
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
  const { kind, ...facts } = event;
  // A field named message would take the place of the line's own.
  const { message: reason, ...fields } = { message: undefined, ...facts };
  if (kind === 'rebuilt') logger.info('workers are back', fields);
  else logger.error(POOL_TROUBLE[kind], { ...fields, reason });
}

const POOL_TROUBLE: Readonly<Record<Exclude<PoolEvent['kind'], 'rebuilt'>, string>> = {
  worker_died: 'a worker died',
  worker_lost: 'a worker is lost',
  rebuilding: 'workers are being restarted',
};

/** What a person should know of a preparation. */
export function logPreparedEvent(logger: Logger, event: PreparedEvent): void {
  switch (event.kind) {
    case 'preparing':
      logger.info('preparing the model for this machine, once', { dtype: event.dtype, model_bytes: event.bytes });
      return;
    case 'prepared':
      logger.info('prepared', { directory: event.directory, bytes: event.bytes, ms: Math.round(event.elapsedMs) });
      return;
    case 'evicted':
      logger.info('an old prepared copy was removed', { directory: event.directory });
      return;
    case 'rejected':
      logger.warn('a prepared copy is unusable and is removed', { directory: event.directory, reason: event.reason });
      return;
    case 'fallback':
      logger.warn('the model is loaded without a packed copy', { reason: event.reason });
      return;
    case 'note':
      logger.debug(event.message);
      return;
    case 'progress':
      logger.debug('preparing', { stage: event.stage, done: event.done, total: event.total });
  }
}
