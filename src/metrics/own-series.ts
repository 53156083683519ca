// The series that only crossrank has: queue, workers, padding, refusals by reason.

import { bounded, CALLER, counter, gauge, histogram, MODEL, merged, powersOfTwo } from './series.ts';

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
  queueSeconds: merged(
    'average',
    gauge('crossrank_queue_seconds', MODEL, 'seconds', 'The same in time, by the measured speed of all workers'),
  ),
  queueLimit: merged(
    'average',
    gauge(
      'crossrank_queue_limit_seconds',
      MODEL,
      'seconds',
      'Accepted work beyond which requests are refused (--max-queue-seconds)',
    ),
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
  lostWorkers: gauge(
    'crossrank_workers_lost',
    MODEL,
    'threads',
    'Worker threads that are stuck inside the runtime; above 0 the process should be replaced',
  ),
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
  paddingShare: merged(
    'average',
    gauge('crossrank_padding_share', MODEL, 'ratio', 'Share of the token slots that was padding since the start, 0 to 1'),
  ),
  batchTokens: bounded(
    powersOfTwo(17),
    histogram('crossrank_batch_tokens', MODEL, 'tokens', 'Tokens of a batch, padding not counted'),
  ),
  runs: counter('crossrank_model_runs_total', MODEL, 'runs', 'Runs of the model'),
  deaths: counter('crossrank_worker_deaths_total', MODEL, 'deaths', 'Worker threads that died while they scored'),
  losses: counter(
    'crossrank_worker_losses_total',
    MODEL,
    'losses',
    'Worker threads that did not come back from a request that was over',
  ),
  rebuilds: counter('crossrank_pool_rebuilds_total', MODEL, 'rebuilds', 'Times the whole set of workers was put up anew'),
  replaced: counter(
    'crossrank_processes_replaced_total',
    [...MODEL, 'reason'],
    'processes',
    'Processes of --processes that were replaced: ended by themselves, silent (killed), or not_ready for long',
  ),
  ready: merged('min', gauge('crossrank_ready', MODEL, 'boolean', '1 while GET /ready answers 200')),
  draining: merged('max', gauge('crossrank_draining', MODEL, 'boolean', '1 from the first shutdown signal on')),
  memoryLimit: merged('first', gauge('crossrank_memory_limit_bytes', MODEL, 'bytes', 'Memory of the container or machine')),
  build: merged(
    'first',
    gauge(
      'crossrank_build_info',
      [...MODEL, 'version', 'node', 'onnxruntime', 'dtype'],
      'info',
      '1; the labels tell what runs, onnxruntime and dtype once the model is loaded',
    ),
  ),
} as const;
