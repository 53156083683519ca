// The types that cross the thread boundary, and the Scorer port between the domain and the pool. No runtime imports, any layer may import it.

import type { ErrorData } from './errors.ts';

/** Names of the activations we compute; stored `torch.nn...` paths are resolved to one of them. */
export type ActivationName = 'sigmoid' | 'identity' | 'tanh' | 'softmax';

/** Literal text around query and document, for instruction rerankers: `prefix + query + separator + document + suffix`. */
export interface PairTemplate {
  readonly prefix: string;
  readonly separator: string;
  readonly suffix: string;
}

/** A known pair a model carries; warm-up compares its logit with what this machine computes. */
export interface KnownPair {
  readonly query: string;
  readonly document: string;
  readonly logit: number;
}

/** All that a model's JSON files say, read once on the main thread and cloned to the workers. Lengths in tokens. */
export interface ModelSpec {
  /** Name shown to callers: the id given, or the directory's name. */
  readonly id: string;
  readonly directory: string;
  /** Commit hash when the directory is a hub-cache snapshot. */
  readonly revision: string | null;
  readonly onnxFile: string;
  readonly tokenizerFile: string;
  /** `tokenizer_config.json` parsed; `{}` when absent. */
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
  readonly modelType: string;
  readonly architecture: string | null;
  /** Label names in the order of the logits. */
  readonly labels: readonly string[];
  /** Longest pair, special tokens included, that is never exceeded. */
  readonly maxLength: number;
  /** Which file or flag decided maxLength. */
  readonly maxLengthSource: string;
  readonly padTokenId: number;
  readonly padSide: 'left' | 'right';
  readonly doLowerCase: boolean;
  readonly prompts: Readonly<Record<string, string>>;
  readonly defaultPromptName: string | null;
  readonly activation: ActivationName;
  readonly activationSource: string;
  readonly pairTemplate: PairTemplate | null;
  readonly knownPair: KnownPair | null;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly intermediateSize: number;
  readonly warnings: readonly string[];
}

/** What the session says of itself, known once a worker has opened it. */
export interface SessionFacts {
  readonly inputs: readonly { readonly name: string; readonly type: 'int64' | 'int32' }[];
  readonly output: string;
  /** Labels per pair as the graph gives them (1 for `[n]` and `[n,1]`). */
  readonly numLabels: number;
  /** The graph's output is `[n]`, without a label axis; a softmax over the labels then has nothing to work on. */
  readonly flatOutput: boolean;
  readonly runtimeVersion: string;
  readonly dtype: Dtype;
  /** Whether the weights are a packed copy, mapped into memory and shared. */
  readonly packed: boolean;
  /** Tokens a pair has beyond those of its texts: special tokens, and the literal text of a pair template. */
  readonly specialTokens: number;
}

/** Number format of the weights a worker computes with. */
export type Dtype = 'float32' | 'int8';

/** A pair and what its weights gave when they were prepared on this machine; warm-up compares, so a damaged or foreign file is noticed. */
export interface WeightsCheck {
  readonly ids: readonly number[];
  readonly typeIds: readonly number[];
  readonly logits: readonly number[];
}

/** The file a worker opens: the model's own, or a copy of it made on this machine. */
export interface ModelWeights {
  readonly onnxFile: string;
  readonly dtype: Dtype;
  /** Already optimised, its weights laid out for this machine; mapped into memory and shared. */
  readonly packed: boolean;
  /** Null for the model's own file. */
  readonly check: WeightsCheck | null;
}

/** Where the pool gets the file its workers open; asked anew for each set of workers. */
export interface WeightsSource {
  /** @param signal ends a long preparation */
  open(signal: AbortSignal): Promise<ModelWeights>;
  /**
   * Told that workers could not load what {@link open} gave.
   *
   * @returns whether a second open() will give something else
   */
  reject(weights: ModelWeights, cause: Error): Promise<boolean>;
}

/** Given to each worker as workerData. */
export interface WorkerOptions {
  readonly spec: ModelSpec;
  readonly weights: ModelWeights;
  /** Whether the runtime keeps a CPU memory arena (faster and, because runs are bounded, smaller than what malloc keeps; the largest working set ever seen stays). */
  readonly cpuMemArena: boolean;
  /** Nice value of the thread, 0 to 19: above 0 the main thread is served first where cores are short. Linux only, elsewhere it is a process's. */
  readonly nice: number;
}

/** Parent -> preparing process, once. */
export interface PrepareTask {
  readonly spec: ModelSpec;
  readonly dtype: Dtype;
  /** Whether the weights are packed for this machine, or only quantised. */
  readonly pack: boolean;
  /** Seven-bit weights, for CPUs whose int8 products would saturate. */
  readonly reducedRange: boolean;
  /** An empty directory on the file system the copy will live on. */
  readonly directory: string;
}

/** Preparing process -> parent: any number of `progress`, then one of the others. */
export type PrepareMessage =
  | { readonly kind: 'progress'; readonly stage: PrepareStage; readonly done: number; readonly total: number }
  | { readonly kind: 'done'; readonly onnxFile: string; readonly check: WeightsCheck; readonly notes: readonly string[] }
  | { readonly kind: 'failed'; readonly error: ErrorData };

/** What a preparation is doing; `done` and `total` are bytes. */
export type PrepareStage = 'quantize' | 'pack';

/** Worker -> main, once, after its session is open and warm. */
export interface WorkerReady {
  readonly kind: 'ready';
  readonly threadId: number;
  readonly facts: SessionFacts;
  /** Tokens scored per second in warm-up by this worker, no padding counted. */
  readonly tokensPerSecond: number;
  readonly loadMs: number;
  /** |logit - stored logit| of the known pair; null when the model carries none. */
  readonly knownPairError: number | null;
}

/** Worker -> main, once, when it cannot serve; the thread ends after it. */
export interface WorkerFailed {
  readonly kind: 'failed';
  readonly threadId: number;
  readonly error: ErrorData;
}

/** Options of one call that change token ids. */
export interface EncodeOptions {
  /** Lowers the model's maximum pair length, tokens; null keeps it. */
  readonly maxLength: number | null;
  /** Which end of a text that is too long loses tokens; null keeps the tokenizer's. */
  readonly truncationSide: 'left' | 'right' | null;
  /** Tokens of a document that are looked at, without special tokens; null for no bound of its own. */
  readonly maxTokensPerDocument: number | null;
  /** How a document that does not fit is split; null cuts it. */
  readonly chunking: Chunking | null;
}

/** A document in overlapping windows of its tokens, each scored with the query. */
export interface Chunking {
  /** What neighbouring windows share: tokens, or a share of the window (0 to 0.5). */
  readonly overlap: { readonly tokens: number } | { readonly share: number };
  /** Windows of one document at most, counted from the end that truncation keeps; null for all. */
  readonly maxChunks: number | null;
}

/** What of a batch's cost is the reading of its texts, which says nothing of the model. */
export interface ReadingCost {
  /** Characters it is priced by; fewer than the texts have where a limit leaves most of them unread. */
  readonly characters: number;
  /** Cost units. */
  readonly cost: number;
}

/** Pairs sent to one worker in one task. Texts are sent once, however often a pair uses them. */
export interface PairBatch {
  readonly queries: readonly string[];
  /** null where the query stands alone: one text, not a pair with an empty second one. */
  readonly documents: readonly (string | null)[];
  /** `[pairs x 2]`: index into queries, index into documents. */
  readonly pairs: Uint32Array;
  readonly encode: EncodeOptions;
  /** Put before every query (every text of a TextBatch); '' for none. Sent once, so that no caller's prompt is multiplied by his pairs. */
  readonly prompt: string;
  /**
   * Estimated work in cost units (see rerank/cost.ts), a whole number; the pool turns it into time by its measured
   * speed.
   */
  readonly cost: number;
  /** What of the cost is the texts'; left out when nothing was priced, as in warm-up. */
  readonly reading?: ReadingCost;
}

/** Texts whose tokens are asked for, for one worker in one task. */
export interface TextBatch {
  readonly texts: readonly string[];
  readonly addSpecialTokens: boolean;
  /** Put before every query (every text of a TextBatch); '' for none. Sent once, so that no caller's prompt is multiplied by his pairs. */
  readonly prompt: string;
  /** As {@link PairBatch.cost}. */
  readonly cost: number;
}

/**
 * Where a worker is in a task: `phase[0]` of {@link WorkerTask}. A thread may be ended in JavaScript, and never inside
 * the runtime, which would abort the process. So each side changes the phase by compare-and-exchange: the worker
 * `script -> runtime` before a run and back after it, the main thread `script -> condemned` before it ends the thread;
 * a worker that finds itself condemned stops where it is.
 */
export const PHASE = { script: 0, runtime: 1, condemned: 2 } as const;

/** Main -> worker. `cancel[0]` turns 1 when the result is no longer wanted; looked at between documents, words and micro-batches. */
export interface WorkerTask {
  readonly batch: PairBatch | TextBatch;
  readonly cancel: Int32Array;
  /** See {@link PHASE}; of this task alone. */
  readonly phase: Int32Array;
}

/** Scores of one batch, in the batch's pair order. */
export interface BatchScores {
  /** `[pairs x numLabels]`, raw model output. */
  readonly logits: Float32Array;
  readonly numLabels: number;
  /** Tokens of each pair as fed to the model, special tokens included; of a chunked pair, those of all its chunks. */
  readonly tokenCounts: Uint32Array;
  /** 1 where tokens of the pair were seen by no run. */
  readonly truncated: Uint8Array;
  /** Chunks of each pair, of which the best logit is given; null when the batch asked for none. */
  readonly chunks: Uint32Array | null;
  readonly tokenizationMs: number;
  readonly inferenceMs: number;
  /** Token slots of all runs, padding included, and the number of runs. */
  readonly tokenSlots: number;
  readonly runs: number;
}

/** Tokens of one text; all lists have one entry a token. */
export interface TextTokens {
  readonly ids: Int32Array;
  /** Bytes of the text in UTF-8, `[start, stop)`, that the token came from; -1 for the special tokens put around the text. */
  readonly starts: Int32Array;
  readonly stops: Int32Array;
  /** Those bytes as text, U+FFFD where they cut a character; of a special token its name. */
  readonly texts: readonly string[];
}

/** Tokens of the texts of a batch, in its order. */
export interface BatchTokens {
  readonly tokens: readonly TextTokens[];
  readonly tokenizationMs: number;
}

/** Worker -> main. Errors travel as data. */
export type WorkerReply =
  | ({ readonly ok: true } & (BatchScores | BatchTokens))
  | { readonly ok: false; readonly error: ErrorData };

/** What the pool adds to the reply of a batch. */
export interface QueueTime {
  /** Time from submit to the start in a worker. */
  readonly queueMs: number;
}

export type ScoredBatch = BatchScores & QueueTime;
export type TokenizedBatch = BatchTokens & QueueTime;

/** Urgency of a call that names none, on RFC 9218's scale of 0 (most urgent) to 7 (background). */
export const DEFAULT_URGENCY = 3;

/**
 * Work that takes all workers together no longer than this, about four batches each, is quick: it is done before larger
 * calls go on.
 */
export const QUICK_SECONDS = 0.2;

/** One caller's claim on the pool: fairness, deadline and cancellation are per ticket. */
export interface Ticket {
  readonly id: string;
  /** `performance.now()` time after which the work is worthless; Infinity for none. */
  readonly deadlineMs: number;
  /** Aborted when the caller left: queued batches leave the queue at once, a running one stops at the next micro-batch. */
  readonly signal: AbortSignal | null;
  /** How many workers this ticket may occupy at once; 0 means all. */
  readonly maxWorkers: number;
  /** 0 (most urgent) to 7; {@link DEFAULT_URGENCY} when left out. Decides the share of the workers while several callers wait. */
  readonly urgency?: number | undefined;
  /** Whether the call counts as quick, as its admission saw it; by {@link QUICK_SECONDS} when left out. */
  readonly quick?: boolean | undefined;
  /** Called on the main thread after each scored batch. */
  readonly onBatch?: ((scores: BatchScores) => void) | undefined;
}

/** State of the pool as probes and `/info` show it. */
export interface ScorerStatus {
  readonly state: 'starting' | 'ready' | 'degraded' | 'draining' | 'closed';
  readonly workers: number;
  readonly readyWorkers: number;
  readonly busyWorkers: number;
  readonly queuedBatches: number;
  /** Workers that did not come back from a call nobody waits for; they count neither as ready nor as busy. */
  readonly lostWorkers: number;
  /** Calls accepted and not yet answered. */
  readonly calls: number;
  /** Cost units accepted and not yet scored. */
  readonly outstandingCost: number;
  /** Those of quick calls of the default urgency and above, which are served before the others. */
  readonly quickCost: number;
  /**
   * What a worker does when nothing disturbs the machine: the best {@link Scorer.costPerSecond} of the last minutes of
   * work, or what may be hoped for until a second of work was done.
   */
  readonly peakCostPerSecond: number;
  /** Since a batch was scored that was large enough to tell of the machine's speed; Infinity before the first. */
  readonly idleMs: number;
  /** Characters one worker reads per second, measured within bounds. */
  readonly charactersPerSecond: number;
  /** Tokens scored since the start, special tokens included. */
  readonly tokens: number;
  /** Token slots the model ran for them; what exceeds `tokens` was padding. */
  readonly tokenSlots: number;
  readonly lastError: string | null;
}

/** The port between the domain and whatever computes: the worker pool in production, a fake in tests. */
export interface Scorer {
  readonly spec: ModelSpec;
  /** @throws RerankError `not_ready` before the first worker reported */
  readonly facts: SessionFacts;
  /** Cost units one worker scores per second, measured. */
  costPerSecond(): number;
  status(): ScorerStatus;
  /** Settles for every batch: with scores, or with `deadline`, `cancelled`, `draining`, `inference`, `not_ready`. */
  score(batches: readonly PairBatch[], ticket: Ticket): Promise<ScoredBatch[]>;
  /** Settles as {@link score}, in the same queue. */
  tokenize(batches: readonly TextBatch[], ticket: Ticket): Promise<TokenizedBatch[]>;
  /**
   * Waits until nothing runs or is queued, or timeoutMs passed; then cancels what is left, waits for idle, and ends the
   * workers. A worker that does not come back from what was cancelled is waited for some seconds and no longer: one in
   * JavaScript is ended, one inside the runtime is left behind, and {@link ScorerStatus.lostWorkers} tells.
   */
  close(timeoutMs: number): Promise<void>;
}
