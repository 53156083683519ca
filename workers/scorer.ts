// One worker's engine: encode -> micro-batch -> run -> logits. Knows nothing of threads or the pool.

import { RerankError } from '../src/errors.ts';
import type {
  BatchScores,
  BatchTokens,
  ModelWeights,
  PairBatch,
  SessionFacts,
  TextBatch,
  WeightsCheck,
  WorkerOptions,
} from '../src/protocol.ts';
import { buildFeeds, type Padding, planRuns, RUN_LIMITS, type RunLimits } from './micro-batch.ts';
import { OnnxSession } from './onnx-session.ts';
import { PairEncoder, PLAIN_ENCODING, type TokenRow } from './pair-encoder.ts';
import { reduceRows } from './reduce-rows.ts';

/** What scoring needs to know, whatever thread it happens in. */
export type ScorerOptions = Omit<WorkerOptions, 'nice'>;

/** Tokenizer and session of one model. */
export class BatchScorer {
  readonly #encoder: PairEncoder;
  readonly #session: OnnxSession;
  readonly #padding: Padding;
  readonly #limits: RunLimits;
  readonly #weights: ModelWeights;

  private constructor(encoder: PairEncoder, session: OnnxSession, { spec, weights }: ScorerOptions) {
    this.#encoder = encoder;
    this.#session = session;
    this.#padding = { id: spec.padTokenId, side: spec.padSide };
    this.#limits = RUN_LIMITS[weights.dtype];
    this.#weights = weights;
  }

  /** @param packTo as {@link OnnxSession.open} @throws RerankError `model_files` */
  static async open(options: ScorerOptions, packTo?: string): Promise<BatchScorer> {
    const encoder = new PairEncoder(options.spec);
    return new BatchScorer(encoder, await OnnxSession.open(options, packTo), options);
  }

  /** @param numLabels labels seen in warm-up; the graph's own shape may be symbolic */
  facts(numLabels: number): SessionFacts {
    return {
      inputs: this.#session.inputs,
      output: this.#session.output,
      numLabels,
      flatOutput: this.#session.flatOutput,
      runtimeVersion: this.#session.runtimeVersion,
      dtype: this.#weights.dtype,
      packed: this.#weights.packed,
    };
  }

  /**
   * Scores a batch in runs without padding; of a document in chunks the best one counts.
   *
   * @param isCancelled looked at between documents and between runs
   * @throws RerankError `cancelled`, `validation` (nothing fits the limit, chunks share too much), `inference`
   */
  async score(batch: PairBatch, isCancelled: () => boolean): Promise<BatchScores> {
    const started = performance.now();
    const encoded = this.#encoder.encodeBatch(batch, isCancelled);
    if (encoded === null) throw cancelled();
    const tokenized = performance.now();
    const rows = encoded.flatMap((pair) => pair.rows);
    const lengths = Uint32Array.from(rows, ({ ids }) => ids.length);
    const scored = await this.#run(rows, lengths, isCancelled);
    const counts = Uint32Array.from(encoded, (pair) => pair.rows.length);
    return {
      ...scored,
      ...reduceRows({ ...scored, tokenCounts: lengths }, counts),
      chunks: batch.encode.chunking === null ? null : counts,
      truncated: Uint8Array.from(encoded, (pair) => (pair.truncated ? 1 : 0)),
      tokenizationMs: tokenized - started,
      inferenceMs: performance.now() - tokenized,
    };
  }

  /**
   * Tokens of texts, whatever their length.
   *
   * @param isCancelled looked at between words
   * @throws RerankError `cancelled`
   */
  tokenize(batch: TextBatch, isCancelled: () => boolean): BatchTokens {
    const started = performance.now();
    const tokens = this.#encoder.tokenize(batch, isCancelled);
    if (tokens === null) throw cancelled();
    return { tokens, tokenizationMs: performance.now() - started };
  }

  /** A pair's ids and logits, to be compared by {@link logitsOf} later. */
  async check(query: string, document: string): Promise<WeightsCheck> {
    const batch = {
      prompt: '',
      queries: [query],
      documents: [document],
      pairs: new Uint32Array(2),
      encode: PLAIN_ENCODING,
      cost: 0,
    };
    const [pair] = this.#encoder.encodeBatch(batch, () => false)!;
    const { ids, typeIds } = pair!.rows[0]!;
    const check = { ids: Array.from(ids), typeIds: Array.from(typeIds) };
    return { ...check, logits: Array.from(await this.logitsOf(check)) };
  }

  /** Logits of one pair that is already encoded, whatever texts and template it came from. */
  async logitsOf({ ids, typeIds }: Pick<WeightsCheck, 'ids' | 'typeIds'>): Promise<Float32Array> {
    const row = { ids: Int32Array.from(ids), typeIds: Int32Array.from(typeIds) };
    return (await this.#session.run(buildFeeds([row], this.#session.inputs, this.#padding))).logits;
  }

  async #run(
    rows: readonly TokenRow[],
    lengths: Uint32Array,
    isCancelled: () => boolean,
  ): Promise<Pick<BatchScores, 'logits' | 'numLabels' | 'tokenSlots' | 'runs'>> {
    const runs = planRuns(lengths, this.#limits);
    let logits = new Float32Array(0);
    let numLabels = 0;
    let tokenSlots = 0;
    for (const run of runs) {
      if (isCancelled()) throw cancelled();
      const feeds = buildFeeds(
        Array.from(run, (index) => rows[index]!),
        this.#session.inputs,
        this.#padding,
      );
      const output = await this.#session.run(feeds);
      if (numLabels === 0) {
        numLabels = output.numLabels;
        logits = new Float32Array(rows.length * numLabels);
      }
      run.forEach((row, position) => {
        logits.set(output.logits.subarray(position * numLabels, (position + 1) * numLabels), row * numLabels);
      });
      tokenSlots += feeds.pairs * feeds.length;
    }
    return { logits, numLabels, tokenSlots, runs: runs.length };
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

function cancelled(): RerankError {
  return new RerankError('cancelled', 'the result is no longer wanted');
}
