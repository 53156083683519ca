// text-embeddings-inference's series under its names, so that its dashboards work here.

import { bounded, CALLER, counter, gauge, histogram, MODEL, powersOfTwo, type Series } from './series.ts';

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
  inputLength: bounded(
    powersOfTwo(20),
    histogram('te_request_input_length', MODEL, 'tokens', 'Tokens of a scored pair, special tokens included'),
  ),
  predictDuration: duration(
    'te_predict_duration',
    MODEL,
    'Queue, tokenisation and inference of a batch, one observation a batch',
  ),
  predictTokenization: duration('te_predict_tokenization_duration', MODEL, 'Tokenisation of a batch'),
  predictQueue: duration('te_predict_queue_duration', MODEL, 'Wait of a batch for a worker'),
  predictInference: duration('te_predict_inference_duration', MODEL, 'Inference of a batch'),
  batchSize: bounded(powersOfTwo(13), histogram('te_batch_next_size', MODEL, 'pairs', 'Pairs of a batch')),
  batchSlots: bounded(
    powersOfTwo(21),
    histogram('te_batch_next_tokens', MODEL, 'tokens', 'Token slots run for a batch, padding included'),
  ),
} as const;

function duration(name: string, labels: readonly string[], help: string): Series {
  return bounded(DURATION_BUCKETS, histogram(name, labels, 'seconds', help));
}
