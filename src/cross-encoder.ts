// The library's face: class CrossEncoder with sentence-transformers' names in camelCase, over the same domain the server uses.
/// <reference lib="esnext.disposable" preserve="true" />

import { randomUUID } from 'node:crypto';
import { Tensor } from 'onnxruntime-common';
import { resolveActivationName } from './activation-name.ts';
import { cacheDirectory, disableRuntimeTelemetry, hubSettings, libraryHubOptions } from './config.ts';
import { EMBEDDED_MODEL_DIRECTORY } from './embedded-model.ts';
import { RerankError } from './errors.ts';
import { memoryLimitBytes, usableCores } from './limits.ts';
import { resolveModel } from './model/hub/resolve-model.ts';
import { checkMemory } from './model/memory-estimate.ts';
import { loadModelSpec } from './model/model-spec.ts';
import { PreparedWeights } from './model/prepared/prepared-weights.ts';
import { WorkerPool } from './pool/worker-pool.ts';
import { renderProgress } from './progress-bar.ts';
import type { ActivationName, Dtype, ModelSpec, PairTemplate } from './protocol.ts';
import { DEFAULT_RERANKER_OPTIONS, Reranker } from './rerank/reranker.ts';
import { type CallContext, DEFAULT_SCORING, type PredictResult, type ScoringOptions } from './rerank/types.ts';

export interface CrossEncoderOptions {
  /** Lowers the longest pair, tokens. */
  readonly maxLength?: number;
  /** Branch, tag or commit of a model of the hub. Default `main`. */
  readonly revision?: string;
  /** Weights relative to the model directory or repository. Default: `model.onnx`, then `onnx/model.onnx`. */
  readonly onnxFile?: string;
  /** Not one network call: a model of the hub comes from the cache. Default: `HF_HUB_OFFLINE`, else false. */
  readonly localFilesOnly?: boolean;
  /** Token for gated and private models. Default: `HF_TOKEN`, else the file of `hf auth login`. */
  readonly token?: string;
  /** Where models of the hub are kept, shared with Python tools. Default: `HF_HUB_CACHE`, else `HF_HOME`, else the user's cache folder. */
  readonly cacheFolder?: string;
  /** Replaces the model's activation for every call: `sigmoid`, `identity`, `tanh`, `softmax` or a `torch.nn...` path. */
  readonly activationFn?: string;
  /** Prompts by name; added to the model's own. */
  readonly prompts?: Readonly<Record<string, string>>;
  /** Name of the prompt put before every query that names none. */
  readonly defaultPromptName?: string;
  /** Text around query and document, for instruction rerankers. */
  readonly pairTemplate?: PairTemplate;
  /** Worker threads. Default: the usable cores. One is sentence-transformers' plain variant, several its multi-process variant. */
  readonly workers?: number;
  /** `int8` quantises the model on this machine the first time. Default `float32`. */
  readonly dtype?: Dtype;
  /** Open a packed copy of the weights, made the first time: starts sooner, and workers share its memory. Default true. */
  readonly prepared?: boolean;
  /** Where prepared copies are kept. Default: `CROSSRANK_CACHE_DIR`, else the user's cache folder. */
  readonly cacheDirectory?: string;
  /** Whether the runtime keeps a memory arena: faster, less memory, but what the longest pair needed is kept. Default true. */
  readonly cpuMemArena?: boolean;
  /** Ends a download when aborted; the next load resumes it. */
  readonly signal?: AbortSignal;
}

/** Options of a call that rank and predict share. */
export interface ScoreCallOptions {
  /** Upper bound of pairs in one worker task. Scores do not depend on it. Default: chosen by the measured speed. */
  readonly batchSize?: number;
  /** Draws a progress bar on stderr. Default false. */
  readonly showProgressBar?: boolean;
  /** Workers this call may occupy at once; 0, the default, means all. */
  readonly numWorkers?: number;
  /** Replaces the activation: `sigmoid`, `identity`, `tanh`, `softmax` or a `torch.nn...` path. */
  readonly activationFn?: string | null;
  /** sentence-transformers' old name of activationFn. */
  readonly activationFct?: string | null;
  /** Softmax over the labels after the activation; with one label every score becomes 1, as in sentence-transformers. */
  readonly applySoftmax?: boolean;
  /** Text put before the query; wins over promptName. */
  readonly prompt?: string | null;
  /** Name of one of the prompts. */
  readonly promptName?: string | null;
  /** Lowers the longest pair for this call, tokens. */
  readonly maxLength?: number;
  /** End of a text that is too long which loses tokens, query and document alike. Default: the tokenizer's. */
  readonly truncationSide?: 'left' | 'right';
  /** Tokens of a whole document that are looked at, special tokens not counted. Default: no bound but the pair's. */
  readonly maxTokensPerDocument?: number;
  /**
   * `truncate`, the default, cuts a pair that is too long as sentence-transformers does. `chunk` scores the whole document in
   * overlapping windows beside the query, of which the best counts; the model must have one label.
   */
  readonly longDocuments?: 'truncate' | 'chunk';
  /** Tokens that neighbouring chunks share, at most half of what the limit leaves for the texts. Default: a quarter of a window. */
  readonly chunkOverlap?: number;
  /** Chunks of one document that are scored: the first ones, the last ones when truncating on the left. Default: all. */
  readonly maxChunksPerDocument?: number;
  /** Ends the call with `cancelled` when aborted. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which the call fails with `deadline`. Default: none. */
  readonly timeoutMs?: number;
}

export interface RankOptions extends ScoreCallOptions {
  /** Cuts the sorted list as the Python slice `[:topK]` does. Default: all. */
  readonly topK?: number | null;
  /** Puts each document's text into the result. Default false. */
  readonly returnDocuments?: boolean;
}

export interface PredictOptions extends ScoreCallOptions {
  /** A Float32Array (true, the default) or plain numbers. */
  readonly convertToNumpy?: boolean;
  /** An onnxruntime-common Tensor; wins over convertToNumpy. */
  readonly convertToTensor?: boolean;
}

/** One ranked document; `corpusId` is its position in the call's documents. */
export interface RankedDocumentResult {
  readonly corpusId: number;
  readonly score: number;
  readonly text?: string;
}

export type Pair = readonly [query: string, document: string];

/**
 * A cross-encoder on a pool of worker threads: the library's twin of sentence-transformers' CrossEncoder.
 *
 * @example
 * await using model = await CrossEncoder.load('models/ms-marco-MiniLM-L6-v2');
 * const ranked = await model.rank('how many people live in Berlin?', documents, { topK: 3 });
 */
export class CrossEncoder implements AsyncDisposable {
  readonly #pool: WorkerPool;
  readonly #reranker: Reranker;
  readonly #spec: ModelSpec;

  private constructor(pool: WorkerPool) {
    this.#pool = pool;
    this.#spec = pool.spec;
    this.#reranker = new Reranker(pool, DEFAULT_RERANKER_OPTIONS);
  }

  /**
   * Opens a model and starts its workers; resolves when every worker is warm.
   *
   * @param model a directory in Hugging Face layout, or a model of the hub (`organisation/name`; a bare name gets `cross-encoder/`),
   *   downloaded when the cache lacks it; the embedded model when left out
   * @throws RerankError `model_files` naming what is missing or broken; `config` for an option out of range or too little memory;
   *   `cancelled` when `signal` ended a download
   */
  static async load(model: string = EMBEDDED_MODEL_DIRECTORY, options: CrossEncoderOptions = {}): Promise<CrossEncoder> {
    disableRuntimeTelemetry();
    const workers = options.workers ?? usableCores();
    if (!Number.isInteger(workers) || workers < 1)
      throw new RerankError('config', `workers must be an integer of at least 1, got ${workers}`);
    const { directory, onnxFile } = await findModel(model, options);
    const spec = withOverrides(
      loadModelSpec(directory, {
        id: null,
        onnxFile,
        maxLength: options.maxLength ?? null,
        pairTemplate: options.pairTemplate ?? null,
      }),
      options,
    );
    const { dtype = 'float32', prepared = true } = options;
    checkMemory(spec, { workers, dtype, packed: prepared }, memoryLimitBytes());
    const weights = new PreparedWeights({
      spec,
      dtype,
      pack: prepared,
      cacheDirectory: options.cacheDirectory ?? cacheDirectory(),
      checkOwn: () => void checkMemory(spec, { workers, dtype, packed: false }, memoryLimitBytes()),
    });
    return new CrossEncoder(await WorkerPool.start({ spec, weights, workers, cpuMemArena: options.cpuMemArena ?? true }));
  }

  /** Longest pair in tokens. */
  get maxLength(): number {
    return this.#spec.maxLength;
  }

  get numLabels(): number {
    return this.#pool.facts.numLabels;
  }

  /** The activation used when a call names none. */
  get activationFn(): ActivationName {
    return this.#spec.activation;
  }

  /**
   * Ranks documents by their relevance to the query.
   *
   * @returns one entry per kept document, score descending, equal scores by corpusId; scores are float32 values
   * @throws RerankError `validation` on a model with several labels, an unknown prompt name or an option out of range; `deadline`,
   *   `cancelled`, `inference`
   */
  async rank(query: string, documents: readonly string[], options: RankOptions = {}): Promise<RankedDocumentResult[]> {
    const result = await withProgress(options, documents.length, (context) =>
      this.#reranker.rank({ ...scoringOptions(options), query, documents, topK: options.topK ?? null }, context),
    );
    return result.results.map(({ index, score }) => ({
      corpusId: index,
      score,
      ...(options.returnDocuments === true ? { text: documents[index]! } : {}),
    }));
  }

  /** Scores one pair: a number for one label, k scores for several. */
  predict(pair: Pair, options?: PredictOptions & { convertToTensor?: false }): Promise<number | Float32Array | number[]>;
  /** Scores pairs, as a Tensor `[pairs]`, or `[pairs, labels]` for several labels. */
  predict(pairs: readonly Pair[], options: PredictOptions & { convertToTensor: true }): Promise<Tensor>;
  /** Scores pairs, as plain numbers: one a pair, or a row of k for several labels. */
  predict(pairs: readonly Pair[], options: PredictOptions & { convertToNumpy: false }): Promise<number[] | number[][]>;
  /** Scores pairs: `Float32Array` of `[pairs]`, or `[pairs x labels]` row-major for several labels. */
  predict(pairs: readonly Pair[], options?: PredictOptions): Promise<Float32Array>;
  /** @throws RerankError as {@link rank}; several labels are refused only with chunks */
  async predict(input: Pair | readonly Pair[], options: PredictOptions = {}): Promise<unknown> {
    const single = isPair(input);
    const pairs = single ? [input] : input;
    const result = await withProgress(options, pairs.length, (context) =>
      this.#reranker.predict({ ...scoringOptions(options), pairs }, context),
    );
    return shape(result, single, options);
  }

  /** Waits for calls under way, then ends the workers. */
  async close(): Promise<void> {
    await this.#pool.close(Number.POSITIVE_INFINITY);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Quietly, as a library should be; what goes wrong is thrown. */
function findModel(model: string, options: CrossEncoderOptions): ReturnType<typeof resolveModel> {
  const { localFilesOnly, token, cacheFolder, revision = null, onnxFile = null, signal } = options;
  const given = {
    ...(localFilesOnly === undefined ? {} : { offline: localFilesOnly }),
    ...(token === undefined ? {} : { hfToken: token }),
    ...(cacheFolder === undefined ? {} : { hubCacheDirectory: cacheFolder }),
  };
  return resolveModel({
    model,
    revision,
    onnxFile,
    settings: () => hubSettings(libraryHubOptions(given)),
    signal: signal ?? new AbortController().signal,
    onEvent: () => {},
  });
}

function withOverrides(spec: ModelSpec, options: CrossEncoderOptions): ModelSpec {
  const activation = options.activationFn === undefined ? spec.activation : activationName(options.activationFn);
  const prompts = { ...spec.prompts, ...options.prompts };
  const defaultPromptName = options.defaultPromptName ?? spec.defaultPromptName;
  if (defaultPromptName !== null && !Object.hasOwn(prompts, defaultPromptName)) {
    throw new RerankError(
      'config',
      `defaultPromptName '${defaultPromptName}' is not one of the prompts (${Object.keys(prompts).join(', ') || 'none'})`,
    );
  }
  return { ...spec, activation, prompts, defaultPromptName };
}

function activationName(value: string): ActivationName {
  const name = resolveActivationName(value);
  if (name === null)
    throw new RerankError('validation', `unknown activation '${value}': sigmoid, identity, tanh and softmax are known`);
  return name;
}

function scoringOptions(options: ScoreCallOptions): ScoringOptions {
  const activation = options.activationFn ?? options.activationFct ?? null;
  return {
    ...DEFAULT_SCORING,
    activation: activation === null ? null : activationName(activation),
    applySoftmax: options.applySoftmax ?? false,
    prompt: options.prompt ?? null,
    promptName: options.promptName ?? null,
    maxLength: options.maxLength ?? null,
    truncationSide: options.truncationSide ?? null,
    maxTokensPerDocument: options.maxTokensPerDocument ?? null,
    longDocuments: options.longDocuments ?? 'truncate',
    chunkOverlap: options.chunkOverlap ?? null,
    maxChunksPerDocument: options.maxChunksPerDocument ?? null,
    batchSize: options.batchSize ?? null,
    numWorkers: options.numWorkers ?? 0,
  };
}

async function withProgress<T>(options: ScoreCallOptions, total: number, call: (context: CallContext) => Promise<T>): Promise<T> {
  const bar = options.showProgressBar === true ? renderProgress('Pairs', total) : null;
  try {
    return await call({
      id: randomUUID(),
      deadlineMs: options.timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + options.timeoutMs,
      signal: options.signal ?? null,
      onProgress: bar?.update,
    });
  } finally {
    bar?.end();
  }
}

function isPair(input: Pair | readonly Pair[]): input is Pair {
  return input.length === 2 && typeof input[0] === 'string';
}

/** sentence-transformers drops the label axis when there is one label, and the pair axis when one pair was given. */
function shape({ scores, numLabels }: PredictResult, single: boolean, options: PredictOptions): unknown {
  if (single && numLabels === 1) return scores[0];
  if (options.convertToTensor === true) {
    const pairs = scores.length / numLabels;
    return new Tensor('float32', scores, single ? [numLabels] : numLabels === 1 ? [pairs] : [pairs, numLabels]);
  }
  if (options.convertToNumpy !== false) return scores;
  if (single || numLabels === 1) return Array.from(scores);
  return Array.from({ length: scores.length / numLabels }, (_, row) =>
    Array.from(scores.subarray(row * numLabels, (row + 1) * numLabels)),
  );
}
