// The domain: estimate -> admit -> plan -> score -> gather -> activate -> rank. Knows neither HTTP nor threads.

import { RerankError } from '../errors.ts';
import type { Scorer, Ticket } from '../protocol.ts';
import { activate } from './activation.ts';
import { admit } from './admission.ts';
import { encodeOptions } from './encode-options.ts';
import { type Gathered, gather, times } from './gather.ts';
import { estimate, listPairs, type PairList, type Plan, plan, rankPairs } from './plan.ts';
import { type PromptDefaults, resolvePrompt } from './prompt.ts';
import { checkFinite, rank } from './rank.ts';
import { planTexts } from './text-plan.ts';
import {
  type CallContext,
  type CallFacts,
  DEFAULT_SCORING,
  type PredictRequest,
  type PredictResult,
  type RankRequest,
  type RankResult,
  type RerankService,
  type ScoringOptions,
  type TokenizeRequest,
  type TokenizeResult,
} from './types.ts';

export interface RerankerOptions {
  /** Name in answers; the model's own by default. */
  readonly servedModelName: string | null;
  /** Seconds of accepted work beyond which calls are refused. */
  readonly maxQueueSeconds: number;
  readonly promptDefaults: PromptDefaults;
}

export const DEFAULT_RERANKER_OPTIONS: RerankerOptions = Object.freeze({
  servedModelName: null,
  maxQueueSeconds: Number.POSITIVE_INFINITY,
  promptDefaults: Object.freeze({ prompt: null, promptName: null }),
});

/** A batch is about this long in a worker: the wait a small call has behind a large one. */
export const BATCH_SECONDS = 0.05;

/** Pairs of a batch when the caller sets no batch_size; bounds a batch of very short pairs. */
const MAX_BATCH_PAIRS = 1024;

/** @see RerankService */
export class Reranker implements RerankService {
  readonly #scorer: Scorer;
  readonly #options: RerankerOptions;

  constructor(scorer: Scorer, options: RerankerOptions = DEFAULT_RERANKER_OPTIONS) {
    this.#scorer = scorer;
    this.#options = options;
  }

  /**
   * Scores every document against the query and orders them.
   *
   * @throws RerankError `validation` on a model with several labels, an unknown prompt name, a batch size or another option out of range;
   *   `too_costly`, `overloaded`, `deadline`, `cancelled`, `draining`, `not_ready`, `inference`
   * @see sentence_transformers CrossEncoder.rank
   */
  async rank(request: RankRequest, context: CallContext): Promise<RankResult> {
    const started = performance.now();
    if (this.#scorer.facts.numLabels !== 1) {
      throw new RerankError(
        'validation',
        'CrossEncoder.rank() only works for models with num_labels=1. Consider using CrossEncoder.predict() with input pairs instead.',
      );
    }
    const query = this.#prompt(request) + request.query;
    const gathered = await this.#score(rankPairs(query, request.documents), request, context);
    const facts = this.#facts(gathered, request, started);
    const scores = activate(gathered.logits, 1, facts.activation, this.#softmax(request));
    return { results: rank(scores, gathered.logits, request.topK, request.tieBreak), ...facts };
  }

  /**
   * Scores pairs, in their order.
   *
   * @throws RerankError as {@link rank}; several labels are refused only with chunks
   * @see sentence_transformers CrossEncoder.predict
   */
  async predict(request: PredictRequest, context: CallContext): Promise<PredictResult> {
    const started = performance.now();
    const prompt = this.#prompt(request);
    const pairs = prompt === '' ? request.pairs : request.pairs.map(([query, document]) => [prompt + query, document] as const);
    const gathered = await this.#score(listPairs(pairs), request, context);
    const { logits } = gathered;
    const numLabels = this.#scorer.facts.numLabels;
    const facts = this.#facts(gathered, request, started);
    const scores = activate(logits, numLabels, facts.activation, this.#softmax(request));
    checkFinite(scores, 'pair', numLabels);
    return { scores, logits, numLabels, ...facts };
  }

  /**
   * Tokens of texts with their places, as the model's tokenizer gives them, in the queue with all other work.
   *
   * @throws RerankError `validation` for an unknown prompt name; `too_costly`, `overloaded`, `deadline`, `cancelled`, `draining`, `not_ready`
   */
  async tokenize(request: TokenizeRequest, context: CallContext): Promise<TokenizeResult> {
    const started = performance.now();
    const prompt = request.promptName === null ? '' : this.#prompt({ ...DEFAULT_SCORING, promptName: request.promptName });
    const texts = prompt === '' ? request.texts : request.texts.map((text) => prompt + text);
    const { batches, cost } = planTexts(texts, request.addSpecialTokens, this.#scorer.costPerSecond());
    this.#admit(cost, context);
    const done = await this.#scorer.tokenize(batches, { ...context, maxWorkers: 0, onBatch: undefined });
    return { texts: done.flatMap(({ tokens }) => tokens), timing: { ...times(done), totalMs: performance.now() - started } };
  }

  #admit(cost: number, { urgency }: CallContext): void {
    const { workers, outstandingCost, peakCostPerSecond } = this.#scorer.status();
    const backlog = {
      outstandingCost,
      costPerSecond: this.#scorer.costPerSecond() * workers,
      peakCostPerSecond: peakCostPerSecond * workers,
    };
    admit({ cost, urgency }, backlog, this.#options);
  }

  #prompt(options: ScoringOptions): string {
    return resolvePrompt(this.#scorer.spec, options, this.#options.promptDefaults);
  }

  #softmax({ applySoftmax }: ScoringOptions): boolean {
    return applySoftmax && !this.#scorer.facts.flatOutput;
  }

  async #score(list: PairList, options: ScoringOptions, context: CallContext): Promise<Gathered> {
    if (options.batchSize !== null && options.batchSize <= 0) {
      throw new RerankError('validation', `batch_size must be a positive integer, got ${options.batchSize}.`, {
        field: 'batch_size',
      });
    }
    const encode = encodeOptions(options, this.#scorer.facts.numLabels);
    const all = this.#scorer.status().workers;
    const workers = options.numWorkers > 0 ? Math.min(options.numWorkers, all) : all;
    const workload = estimate(list, this.#scorer.spec, encode);
    this.#admit(workload.cost, context);
    const planned = plan(list, workload, encode, {
      batchCost: this.#scorer.costPerSecond() * BATCH_SECONDS,
      batchPairs: options.batchSize ?? MAX_BATCH_PAIRS,
      workers,
    });
    const ticket: Ticket = { ...context, maxWorkers: options.numWorkers, onBatch: progressOf(planned, context) };
    return gather(planned, await this.#scorer.score(planned.batches, ticket));
  }

  #facts(gathered: Gathered, options: ScoringOptions, startedMs: number): CallFacts {
    const { truncated, chunks, totalTokens, queueMs, tokenizationMs, inferenceMs } = gathered;
    return {
      model: this.#options.servedModelName ?? this.#scorer.spec.id,
      activation: options.activation ?? this.#scorer.spec.activation,
      truncated,
      chunks,
      totalTokens,
      timing: { queueMs, tokenizationMs, inferenceMs, totalMs: performance.now() - startedMs },
    };
  }
}

/** Counts scored pairs for the caller's progress bar; undefined when there is none. */
function progressOf({ rows }: Plan, { onProgress }: CallContext): Ticket['onBatch'] {
  if (onProgress === undefined) return undefined;
  const total = rows.reduce((sum, row) => sum + row.length, 0);
  let scored = 0;
  return ({ tokenCounts }) => {
    scored += tokenCounts.length;
    onProgress(scored, total);
  };
}
