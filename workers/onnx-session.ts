// One onnxruntime session. The only importer of onnxruntime-node.

import { basename } from 'node:path';
import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import { RerankError } from '../src/errors.ts';
import type { ModelWeights, SessionFacts, WorkerOptions } from '../src/protocol.ts';
import { halfToFloat32 } from './half.ts';
import { KNOWN_INPUTS, type RunFeeds } from './micro-batch.ts';

/** Outputs a classification export may use, in order of preference; otherwise the only output is taken. */
const SCORE_OUTPUTS = ['logits', 'scores', 'output'] as const;

/** Logits of one run, `[pairs x numLabels]` row-major. */
export interface RunOutput {
  readonly logits: Float32Array;
  readonly numLabels: number;
}

/** An open model: feeds in, logits out. One run at a time: `run` blocks its thread. */
export class OnnxSession {
  readonly inputs: SessionFacts['inputs'];
  readonly output: string;
  readonly runtimeVersion = env.versions.node ?? 'unknown';
  readonly #session: InferenceSession;
  #flatOutput = false;

  private constructor(session: InferenceSession) {
    this.#session = session;
    this.inputs = readInputs(session);
    this.output = chooseOutput(session.outputNames);
  }

  /**
   * Opens the weights with one intra-op thread: the pool scales by workers.
   *
   * @param packTo the runtime also writes what it opens, optimised and packed, to this file and its weights beside it
   * @throws RerankError `model_files` when the runtime refuses the file or the graph asks for inputs we cannot build;
   *   `internal` when the file is a prepared copy, or is to become one
   */
  static async open(
    { weights, cpuMemArena }: Pick<WorkerOptions, 'weights' | 'cpuMemArena'>,
    packTo?: string,
  ): Promise<OnnxSession> {
    try {
      const options = { ...sessionOptions(weights, cpuMemArena), ...(packTo === undefined ? {} : packOptions(packTo)) };
      return new OnnxSession(await InferenceSession.create(weights.onnxFile, options));
    } catch (error) {
      if (error instanceof RerankError) throw error;
      const code = weights.check === null && packTo === undefined ? 'model_files' : 'internal';
      throw new RerankError(code, `cannot open ${weights.onnxFile}: ${messageOf(error)}`);
    }
  }

  /**
   * Scores one run.
   *
   * @returns logits `[pairs x numLabels]`, row-major; a graph output of `[n]` counts as one label
   * @throws RerankError `inference` when the runtime fails or the output has another shape
   */
  async run({ pairs, length, feeds }: RunFeeds): Promise<RunOutput> {
    const inputs: Record<string, Tensor> = {};
    for (const feed of feeds) inputs[feed.name] = new Tensor(feed.type, feed.data, [pairs, length]);
    let output: Tensor | undefined;
    try {
      output = (await this.#session.run(inputs, [this.output]))[this.output] as Tensor | undefined;
    } catch (error) {
      throw new RerankError('inference', `the runtime failed on a run of ${pairs} x ${length} tokens: ${messageOf(error)}`);
    }
    const isFloat = output?.type === 'float32' || output?.type === 'float16';
    if (output === undefined || !isFloat || output.dims[0] !== pairs || output.dims.length > 2) {
      throw new RerankError(
        'inference',
        `the model's output is ${output?.type} [${output?.dims}], expected floats [${pairs}, labels]`,
      );
    }
    this.#flatOutput = output.dims.length === 1;
    const logits = output.type === 'float32' ? (output.data as Float32Array) : halfToFloat32(output.data as ArrayLike<number>);
    return { logits, numLabels: output.dims[1] ?? 1 };
  }

  /** Whether the last run's output was `[n]`; known after the first run, since a graph's own shape may be symbolic. */
  get flatOutput(): boolean {
    return this.#flatOutput;
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

function sessionOptions({ packed }: ModelWeights, cpuMemArena: boolean): InferenceSession.SessionOptions {
  return {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // A packed copy was optimised when it was written; optimising it again would only cost time.
    graphOptimizationLevel: packed ? 'disabled' : 'all',
    enableCpuMemArena: cpuMemArena,
    // Patterns are kept per input shape; with runs of every length they would only grow.
    enableMemPattern: false,
    logSeverityLevel: 3,
  };
}

/** @see onnxruntime_session_options_config_keys.h: kOrtSessionOptionsOptimizedModelExternalInitializersFileName and its neighbours */
function packOptions(file: string): InferenceSession.SessionOptions {
  return {
    optimizedModelFilePath: file,
    extra: {
      session: {
        optimized_model_external_initializers_file_name: `${basename(file)}.data`,
        optimized_model_external_initializers_min_size_in_bytes: '1024',
        save_external_prepacked_constant_initializers: '1',
      },
    },
  };
}

function readInputs(session: InferenceSession): SessionFacts['inputs'] {
  return session.inputMetadata.map((input) => {
    const type = input.isTensor ? input.type : 'not a tensor';
    if (!KNOWN_INPUTS.includes(input.name) || (type !== 'int64' && type !== 'int32')) {
      const all = session.inputMetadata.map((each) => `${each.name} (${each.isTensor ? each.type : 'not a tensor'})`).join(', ');
      throw new RerankError(
        'model_files',
        `the graph asks for ${all}; crossrank can give ${KNOWN_INPUTS.join(', ')} as int64 or int32. Is it a sequence-classification export?`,
      );
    }
    return { name: input.name, type };
  });
}

function chooseOutput(names: readonly string[]): string {
  const known = SCORE_OUTPUTS.find((name) => names.includes(name));
  if (known !== undefined) return known;
  if (names.length === 1) return names[0]!;
  throw new RerankError('model_files', `the graph has the outputs ${names.join(', ')}; none of them is named logits or scores`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
