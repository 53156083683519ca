// Every series of our own as data: name, type, labels, unit, meaning, and how several processes become one. Knows no library.

/** How the values of several processes become one: counters and histograms are sums always. */
export type Merge = 'sum' | 'average' | 'min' | 'max' | 'first';

export interface Series {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  /** Base unit, or what is counted. */
  readonly unit: string;
  /** One line, no full stop. */
  readonly help: string;
  readonly merge: Merge;
  /** Upper bounds of a histogram, ascending. */
  readonly buckets: readonly number[];
}

/** What text-embeddings-inference's `err` label can be; `missing_values` and `tokenization` do not happen here and stay 0. */
export const TE_FAILURES = [
  'batch_size',
  'dropped',
  'inference',
  'missing_values',
  'model_type',
  'overloaded',
  'tokenization',
  'validation',
] as const;

/** `single`: one pair; `batch`: several, or a request that was refused before its pairs were counted. */
export const TE_METHODS = ['single', 'batch'] as const;

/** Seconds: 35 bounds, each 1.5 times the last, from 15 us to 14.5 s. Multiplied as text-embeddings-inference does, so that `le` is the same text. */
const DURATION_BUCKETS = Array.from({ length: 35 }).reduce<number[]>(
  (bounds) => [...bounds, (bounds.at(-1) ?? 0.00001) * 1.5],
  [],
);

/** 1, 2, 4 ... `count` of them. */
const powersOfTwo = (count: number): number[] => Array.from({ length: count }, (_, exponent) => 2 ** exponent);

const MODEL = ['model'] as const;
const CALLER = ['model', 'dialect'] as const;

/**
 * text-embeddings-inference's series under its names, which have neither `_total` nor units, with the labels `model` and `dialect` added.
 * The series of embeddings (`te_embed_*`) are left out: nothing here embeds.
 *
 * @see https://github.com/huggingface/text-embeddings-inference/blob/0ae4f8e/router/src/prometheus.rs
 * @see https://github.com/huggingface/text-embeddings-inference/blob/02506d0/core/src/infer.rs
 */
export const TE_SERIES = {
  requests: counter('te_request_count', [...CALLER, 'method'], 'requests', 'Scoring requests that ended, refused ones included'),
  successes: counter('te_request_success', [...CALLER, 'method'], 'requests', 'Scoring requests answered with scores'),
  failures: counter(
    'te_request_failure',
    [...CALLER, 'err'],
    'requests',
    "Failed scoring requests, in text-embeddings-inference's classes",
  ),
  pairs: counter('te_predict_count', CALLER, 'pairs', 'Pairs asked for, as far as their requests were understood'),
  scoredPairs: counter('te_predict_success', CALLER, 'pairs', 'Pairs answered with a score'),
  queueSize: gauge('te_queue_size', MODEL, 'batches', 'Batches that wait for a worker, of about 50 ms each'),
  duration: duration('te_request_duration', CALLER, 'From the arrival of a request to the end of its answer, successes only'),
  tokenization: duration('te_request_tokenization_duration', CALLER, 'Tokenisation of a request, summed over its batches'),
  queue: duration('te_request_queue_duration', CALLER, 'Wait of a request until its first batch began'),
  inference: duration('te_request_inference_duration', CALLER, 'Inference of a request, summed over its batches'),
  inputLength: histogram(
    'te_request_input_length',
    MODEL,
    'tokens',
    'Tokens of a scored pair, special tokens included',
    powersOfTwo(20),
  ),
  predictDuration: duration(
    'te_predict_duration',
    MODEL,
    'Queue, tokenisation and inference of a batch, one observation a batch',
  ),
  predictTokenization: duration('te_predict_tokenization_duration', MODEL, 'Tokenisation of a batch'),
  predictQueue: duration('te_predict_queue_duration', MODEL, 'Wait of a batch for a worker'),
  predictInference: duration('te_predict_inference_duration', MODEL, 'Inference of a batch'),
  batchSize: histogram('te_batch_next_size', MODEL, 'pairs', 'Pairs of a batch', powersOfTwo(13)),
  batchSlots: histogram(
    'te_batch_next_tokens',
    MODEL,
    'tokens',
    'Token slots run for a batch, padding included',
    powersOfTwo(21),
  ),
} as const;

/** Our own. */
export const OWN_SERIES = {
  rejected: counter(
    'crossrank_requests_rejected_total',
    [...CALLER, 'reason'],
    'requests',
    'Requests answered with an error, by its code',
  ),
  inFlight: gauge('crossrank_requests_in_flight', MODEL, 'requests', 'Requests being answered, probes not counted'),
  documents: counter(
    'crossrank_documents_scored_total',
    CALLER,
    'documents',
    'Documents (or pairs) answered with a score, duplicates included',
  ),
  truncated: counter(
    'crossrank_documents_truncated_total',
    CALLER,
    'documents',
    'Of these, how many were shortened to fit the model',
  ),
  queueTokens: gauge(
    'crossrank_queue_tokens',
    MODEL,
    'tokens',
    'Work accepted and not yet scored, in tokens as admission estimates them',
  ),
  queueSeconds: gauge(
    'crossrank_queue_seconds',
    MODEL,
    'seconds',
    'The same in time, by the measured speed of all workers',
    'average',
  ),
  queueLimit: gauge(
    'crossrank_queue_limit_seconds',
    MODEL,
    'seconds',
    'Accepted work beyond which requests are refused (--max-queue-seconds)',
    'average',
  ),
  queuedBatches: gauge('crossrank_queued_batches', MODEL, 'batches', 'Batches that wait for a worker'),
  capacity: gauge(
    'crossrank_capacity_tokens_per_second',
    MODEL,
    'tokens',
    'Measured speed of the workers that are ready, in estimated tokens',
  ),
  workers: gauge('crossrank_workers', MODEL, 'threads', 'Worker threads configured'),
  readyWorkers: gauge('crossrank_workers_ready', MODEL, 'threads', 'Worker threads that are warm and alive'),
  busyWorkers: gauge('crossrank_workers_busy', MODEL, 'threads', 'Worker threads that score at this moment'),
  busySeconds: counter(
    'crossrank_worker_busy_seconds_total',
    MODEL,
    'seconds',
    'Time workers had a batch; its rate over crossrank_workers is their busy share',
  ),
  tokens: counter('crossrank_tokens_total', MODEL, 'tokens', 'Tokens scored, special tokens included'),
  tokenSlots: counter(
    'crossrank_token_slots_total',
    MODEL,
    'tokens',
    'Token slots run for them; what exceeds crossrank_tokens_total was padding',
  ),
  paddingShare: gauge(
    'crossrank_padding_share',
    MODEL,
    'ratio',
    'Share of the token slots that was padding since the start, 0 to 1',
    'average',
  ),
  batchTokens: histogram('crossrank_batch_tokens', MODEL, 'tokens', 'Tokens of a batch, padding not counted', powersOfTwo(17)),
  runs: counter('crossrank_model_runs_total', MODEL, 'runs', 'Runs of the model'),
  deaths: counter('crossrank_worker_deaths_total', MODEL, 'deaths', 'Worker threads that died while they scored'),
  rebuilds: counter('crossrank_pool_rebuilds_total', MODEL, 'rebuilds', 'Times the whole set of workers was put up anew'),
  ready: gauge('crossrank_ready', MODEL, 'boolean', '1 while GET /ready answers 200', 'min'),
  draining: gauge('crossrank_draining', MODEL, 'boolean', '1 from the first shutdown signal on', 'max'),
  memoryLimit: gauge('crossrank_memory_limit_bytes', MODEL, 'bytes', 'Memory of the container or machine', 'first'),
  build: gauge(
    'crossrank_build_info',
    [...MODEL, 'version', 'node', 'onnxruntime', 'dtype'],
    'info',
    '1; the labels tell what runs, onnxruntime and dtype once the model is loaded',
    'first',
  ),
} as const;

function counter(name: string, labels: readonly string[], unit: string, help: string): Series {
  return { name, type: 'counter', labels, unit, help, merge: 'sum', buckets: [] };
}

function gauge(...[name, labels, unit, help, merge = 'sum']: [string, readonly string[], string, string, Merge?]): Series {
  return { name, type: 'gauge', labels, unit, help, merge, buckets: [] };
}

function histogram(
  ...[name, labels, unit, help, buckets]: [string, readonly string[], string, string, readonly number[]]
): Series {
  return { name, type: 'histogram', labels, unit, help, merge: 'sum', buckets };
}

function duration(name: string, labels: readonly string[], help: string): Series {
  return histogram(name, labels, 'seconds', help, DURATION_BUCKETS);
}
