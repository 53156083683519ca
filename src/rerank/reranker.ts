// The domain: estimate -> admit -> plan -> score -> gather -> activate -> rank. Knows neither HTTP nor threads.

import { RerankError } from '../errors.ts';
import type { Scorer, Ticket } from '../protocol.ts';
import { activate } from './activation.ts';
import { admit, FRESH_SECONDS } from './admission.ts';
import { encodeOptions } from './encode-options.ts';
import { estimate, leastCost, type PricedModel } from './estimate.ts';
import { type Gathered, gather, times } from './gather.ts';
import { listPairs, type PairList, rankPairs } from './pair-list.ts';
import { type Plan, type PlanLimits, plan } from './plan.ts';
import { type PromptDefaults, resolvePrompt } from './prompt.ts';
import { checkFinite, rankInSteps } from './rank.ts';
import { planTexts } from './text-plan.ts';
import { inTurns, SharedTurns, type Steps, type Turn } from './turns.ts';
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
  /** Gives way to others in long work, for tests. */
  readonly turn?: Turn;
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
  readonly #turn: Turn;

  constructor(scorer: Scorer, options: RerankerOptions = DEFAULT_RERANKER_OPTIONS) {
    this.#scorer = scorer;
    this.#options = options;
    this.#turn = options.turn ?? new SharedTurns().next;
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
    const list = rankPairs(request.query, request.documents, this.#prompt(request));
    const gathered = await this.#score(list, request, context);
    const facts = this.#facts(gathered, request, started);
    const scores = activate(gathered.logits, 1, facts.activation, this.#softmax(request));
    const ranked = rankInSteps(scores, gathered.logits, request.topK, request.tieBreak);
    return { results: await this.#inTurns(ranked, context), ...facts };
  }

  /**
   * Scores pairs, in their order.
   *
   * @throws RerankError as {@link rank}; several labels are refused only with chunks
   * @see sentence_transformers CrossEncoder.predict
   */
  async predict(request: PredictRequest, context: CallContext): Promise<PredictResult> {
    const started = performance.now();
    const gathered = await this.#score(listPairs(request.pairs, this.#prompt(request)), request, context);
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
    const { texts, addSpecialTokens, promptName } = request;
    const prompt = promptName === null ? '' : this.#prompt({ ...DEFAULT_SCORING, promptName });
    const planned = planTexts({ texts, addSpecialTokens, prompt }, this.#scorer.costPerSecond());
    const { batches, cost } = await this.#inTurns(planned, context);
    const { quick } = this.#admit(cost, this.#scorer.status().workers, context);
    const done = await this.#scorer.tokenize(batches, { ...context, maxWorkers: 0, quick, onBatch: undefined });
    return { texts: done.flatMap(({ tokens }) => tokens), timing: { ...times(done), totalMs: performance.now() - started } };
  }

  /** @param workers that may take part */
  #admit(cost: number, workers: number, { urgency, deadlineMs }: CallContext): { readonly quick: boolean } {
    const { workers: all, peakCostPerSecond, idleMs, ...status } = this.#scorer.status();
    const backlog = {
      ...status,
      isFresh: idleMs < FRESH_SECONDS * 1000,
      costPerSecond: this.#scorer.costPerSecond() * all,
      peakCostPerSecond: peakCostPerSecond * all,
    };
    const remainingSeconds = (deadlineMs - performance.now()) / 1000;
    return admit({ cost, urgency, remainingSeconds, workerShare: workers / all }, backlog, this.#options);
  }

  /** Long work on this thread, in pieces; ends with the call. */
  #inTurns<Result>(steps: Steps<Result>, { signal, deadlineMs }: CallContext): Promise<Result> {
    return inTurns(steps, async () => {
      await this.#turn();
      if (signal?.aborted === true) throw new RerankError('cancelled', 'the caller left');
      if (performance.now() >= deadlineMs)
        throw new RerankError('deadline', 'the request was not finished within its time limit');
    });
  }

  #prompt(options: ScoringOptions): string {
    return resolvePrompt(this.#scorer.spec, options, this.#options.promptDefaults);
  }

  #softmax({ applySoftmax }: ScoringOptions): boolean {
    return applySoftmax && !this.#scorer.facts.flatOutput;
  }

  async #score(pairs: Steps<PairList>, options: ScoringOptions, context: CallContext): Promise<Gathered> {
    if (options.batchSize !== null && options.batchSize <= 0) {
      throw new RerankError('validation', `batch_size must be a positive integer, got ${options.batchSize}.`, {
        field: 'batch_size',
      });
    }
    const encode = encodeOptions(options, this.#scorer.facts.numLabels);
    const limits = this.#planLimits(options);
    const list = await this.#inTurns(pairs, context);
    const workload = await this.#inTurns(estimate(list, this.#pricedModel(), encode), context);
    // Twice: what can be refused is refused before it is planned, and only what is known to the end is let in.
    this.#admit(leastCost(workload, limits.costPerCharacter, limits.workers), limits.workers, context);
    const planned = await this.#inTurns(plan(list, workload, encode, limits), context);
    const { quick } = this.#admit(planned.cost, limits.workers, context);
    const ticket: Ticket = { ...context, maxWorkers: options.numWorkers, quick, onBatch: progressOf(planned, context) };
    return this.#inTurns(gather(planned, await this.#scorer.score(planned.batches, ticket)), context);
  }

  #planLimits({ batchSize, numWorkers }: ScoringOptions): PlanLimits {
    const { workers: all, charactersPerSecond } = this.#scorer.status();
    return {
      batchCost: this.#scorer.costPerSecond() * BATCH_SECONDS,
      batchPairs: batchSize ?? MAX_BATCH_PAIRS,
      workers: numWorkers > 0 ? Math.min(numWorkers, all) : all,
      costPerCharacter: this.#scorer.costPerSecond() / charactersPerSecond,
    };
  }

  #pricedModel(): PricedModel {
    const { spec, facts } = this.#scorer;
    return { maxLength: spec.maxLength, hiddenSize: spec.hiddenSize, specialTokens: facts.specialTokens };
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
