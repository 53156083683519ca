// What the domain takes and gives: native types only. HTTP dialects, library and command line translate to and from these.

import type { ActivationName, TextTokens } from '../protocol.ts';

/** Options shared by rank and predict; null means the model's own setting. */
export interface ScoringOptions {
  /** Overrides the model's activation; `identity` gives raw logits. */
  readonly activation: ActivationName | null;
  /** Softmax over the labels after the activation; with one label every score becomes 1, as in sentence-transformers. */
  readonly applySoftmax: boolean;
  /** Text put before the query; wins over promptName. */
  readonly prompt: string | null;
  /** Name of one of the model's stored prompts. */
  readonly promptName: string | null;
  /** Lowers the model's maximum pair length, tokens. */
  readonly maxLength: number | null;
  /** Which end of a text that is too long loses tokens, query and document alike; null keeps the side the tokenizer names. */
  readonly truncationSide: 'left' | 'right' | null;
  /**
   * Tokens of a whole document that are looked at, special tokens not counted, before it is fitted into the pair: Cohere's and vLLM's
   * `max_tokens_per_doc`. A longer document is truncated, in chunks too. Null for no bound but the pair's.
   */
  readonly maxTokensPerDocument: number | null;
  /**
   * What becomes of a document that does not fit beside the query: `truncate` shortens the longer of the two as sentence-transformers
   * does; `chunk` scores all of it in overlapping windows, of which the best logit counts. A window holds what truncation would keep
   * of the document, so the first one is the truncated pair; a query above half of the limit is cut to half, as by truncation.
   * Chunks need a model with one label.
   */
  readonly longDocuments: 'truncate' | 'chunk';
  /**
   * Tokens that neighbouring chunks share, at most half of what the pair limit leaves for both texts (more is refused) and never
   * above half of a window that a long query makes small. Null for a quarter of the window: a passage of that length is whole in
   * some chunk, and the work grows by no more than a third.
   */
  readonly chunkOverlap: number | null;
  /** Chunks of one document that are scored: the first ones, the last ones when truncation is on the left; null for all. */
  readonly maxChunksPerDocument: number | null;
  /** What decides between equal scores of a ranking: the position, as sentence-transformers; or first the logit, which tells saturated scores apart. */
  readonly tieBreak: 'index' | 'logit';
  /** Upper bound of pairs in one worker task; null lets the planner decide. Scores do not depend on it. */
  readonly batchSize: number | null;
  /** Workers one call may occupy at once; 0 means all. */
  readonly numWorkers: number;
}

export interface RankRequest extends ScoringOptions {
  readonly query: string;
  readonly documents: readonly string[];
  /** Cuts the sorted list as a Python slice `[:topK]` does: null keeps all, 0 none, -1 drops the last. */
  readonly topK: number | null;
}

export interface PredictRequest extends ScoringOptions {
  /** A null document leaves the query a text of its own, in the tokenizer's form for one text; the form for pairs has no part in it. */
  readonly pairs: readonly (readonly [query: string, document: string | null])[];
}

/** Texts whose tokens are asked for; none is cut. */
export interface TokenizeRequest {
  readonly texts: readonly string[];
  /** Whether the special tokens of one text alone stand around each. */
  readonly addSpecialTokens: boolean;
  /** One of the model's stored prompts, put before each text and counted in its places; null for none, whatever the default is. */
  readonly promptName: string | null;
}

export interface TokenizeResult {
  /** In the order of the texts. */
  readonly texts: readonly TextTokens[];
  /** Nothing is inferred. */
  readonly timing: CallTiming;
}

/** Per-call context: identity, deadline (`performance.now()` time, Infinity for none), and the caller's leaving. */
export interface CallContext {
  readonly id: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | null;
  /** 0 (most urgent) to 7; {@link DEFAULT_URGENCY} when left out. Less urgent calls get less of the workers, and of the queue. */
  readonly urgency?: number | undefined;
  /** Told how many distinct pairs are scored and how many there are; for progress bars. */
  readonly onProgress?: ((scored: number, total: number) => void) | undefined;
}

export interface RankedDocument {
  /** Position in the request's documents. */
  readonly index: number;
  /** After the activation; a float32 value widened to double. */
  readonly score: number;
  /** Raw model output; that of the best chunk. */
  readonly logit: number;
}

/** Milliseconds. Queue and total are of the whole call; tokenization and inference are summed over its batches. */
export interface CallTiming {
  readonly queueMs: number;
  readonly tokenizationMs: number;
  readonly inferenceMs: number;
  readonly totalMs: number;
}

export interface CallFacts {
  readonly model: string;
  readonly activation: ActivationName;
  /** Indices of the documents (rank) or pairs (predict) that were shortened, so that tokens of them were never looked at; ascending. */
  readonly truncated: readonly number[];
  /** Chunks scored for each document (rank) or pair (predict); null when none was chunked. */
  readonly chunks: readonly number[] | null;
  /** Tokens of every pair asked for, special tokens and all chunks included; a duplicate counts each time. */
  readonly totalTokens: number;
  readonly timing: CallTiming;
}

export interface RankResult extends CallFacts {
  /** Score descending, then as the request's tieBreak says. */
  readonly results: readonly RankedDocument[];
}

export interface PredictResult extends CallFacts {
  /** `[pairs x numLabels]`, after the activation. */
  readonly scores: Float32Array;
  /** `[pairs x numLabels]`, raw. */
  readonly logits: Float32Array;
  readonly numLabels: number;
}

/** Defaults of the original for everything a caller leaves out. */
export const DEFAULT_SCORING: ScoringOptions = Object.freeze({
  activation: null,
  applySoftmax: false,
  prompt: null,
  promptName: null,
  maxLength: null,
  truncationSide: null,
  maxTokensPerDocument: null,
  longDocuments: 'truncate',
  chunkOverlap: null,
  maxChunksPerDocument: null,
  tieBreak: 'index',
  batchSize: null,
  numWorkers: 0,
});

/** The domain's service as front ends see it. */
export interface RerankService {
  rank(request: RankRequest, context: CallContext): Promise<RankResult>;
  predict(request: PredictRequest, context: CallContext): Promise<PredictResult>;
  tokenize(request: TokenizeRequest, context: CallContext): Promise<TokenizeResult>;
}
