// The series of one process and of several: complete from the start, bounded, in base units, and right when merged.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_STATUS } from '../../src/errors.ts';
import { DIALECTS } from '../../src/http/dialects/dialect-list.ts';
import type { RequestReport } from '../../src/http/request-report.ts';
import { mergeSnapshots, type ServerMetrics } from '../../src/metrics.ts';
import type { BatchScores, ScorerStatus, SessionFacts } from '../../src/protocol.ts';
import { parseExposition } from '../helpers/exposition.ts';
import { readyStatus } from '../helpers/scorer-status.ts';
import { testMetrics } from '../helpers/test-metrics.ts';

/** text-embeddings-inference's exposition, less what only embeddings have. */
const TE_TYPES: Readonly<Record<string, string>> = {
  te_request_count: 'counter',
  te_request_success: 'counter',
  te_request_failure: 'counter',
  te_predict_count: 'counter',
  te_predict_success: 'counter',
  te_queue_size: 'gauge',
  te_request_duration: 'histogram',
  te_request_tokenization_duration: 'histogram',
  te_request_queue_duration: 'histogram',
  te_request_inference_duration: 'histogram',
  te_request_input_length: 'histogram',
  te_batch_next_size: 'histogram',
  te_batch_next_tokens: 'histogram',
  te_predict_duration: 'histogram',
  te_predict_tokenization_duration: 'histogram',
  te_predict_queue_duration: 'histogram',
  te_predict_inference_duration: 'histogram',
};

test("text-embeddings-inference's series have its names and types", async () => {
  const { types } = await read(testMetrics());
  const te = [...types].filter(([name]) => name.startsWith('te_')).sort();
  assert.deepEqual(te, Object.entries(TE_TYPES).sort());
});

test('durations have its 35 buckets, lengths end at what the model takes', async () => {
  const { samples } = await read(testMetrics({ maxInputLength: 100 }));
  const bounds = (name: string) =>
    samples
      .filter((each) => each.name === `${name}_bucket` && (each.labels.dialect ?? 'tei') === 'tei')
      .map(({ labels }) => labels.le);
  const durations = bounds('te_request_duration');
  assert.equal(durations.length, 36);
  // As Rust multiplies and prints them.
  assert.deepEqual(durations.slice(0, 4), [
    '0.000015000000000000002',
    '0.000022500000000000005',
    '0.00003375000000000001',
    '0.00005062500000000001',
  ]);
  assert.equal(durations.at(-1), '+Inf');
  assert.deepEqual(bounds('te_request_input_length'), ['1', '2', '4', '8', '16', '32', '64', '+Inf']);
});

test('before anything happened every listed combination of labels is there with 0', async () => {
  const { samples, value } = await read(testMetrics());
  for (const { name: dialect } of DIALECTS) {
    for (const method of ['single', 'batch']) assert.equal(value('te_request_success', { dialect, method }), 0);
    for (const reason of Object.keys(ERROR_STATUS).filter((code) => code !== 'config' && code !== 'model_files'))
      assert.equal(value('crossrank_requests_rejected_total', { dialect, reason }), 0);
    for (const err of [
      'batch_size',
      'dropped',
      'inference',
      'missing_values',
      'model_type',
      'overloaded',
      'tokenization',
      'validation',
    ])
      assert.equal(value('te_request_failure', { dialect, err }), 0);
  }
  const counted = samples.filter(({ name }) => /^(te|crossrank)_/.test(name) && !/build_info|_limit_/.test(name));
  assert.ok(counted.length > 2000, `${counted.length}`);
  assert.deepEqual(
    counted.filter((sample) => sample.value !== 0),
    [],
  );
});

test('whatever requests are, no new series appear', async () => {
  const metrics = testMetrics();
  const names = async () => (await read(metrics)).samples.map(({ name, labels }) => `${name}${JSON.stringify(labels)}`);
  const before = await names();
  for (const { name: dialect } of DIALECTS)
    for (const errorCode of [null, ...Object.keys(ERROR_STATUS).slice(0, 15)] as RequestReport['errorCode'][]) {
      metrics.requests.started();
      metrics.requests.ended({ ...REPORT, dialect, errorCode, path: `/${Math.random()}` });
    }
  metrics.onBatch(BATCH);
  assert.deepEqual(
    (await names()).filter((name) => name.startsWith('te_') || name.startsWith('crossrank_')).length,
    before.filter((name) => name.startsWith('te_') || name.startsWith('crossrank_')).length,
  );
});

test('a scored request is counted with its pairs and times, a refused one by its reason', async () => {
  const metrics = testMetrics();
  metrics.requests.started();
  assert.equal((await read(metrics)).value('crossrank_requests_in_flight'), 1);
  metrics.requests.ended(REPORT);
  metrics.requests.started();
  metrics.requests.ended({ ...REPORT, status: 429, errorCode: 'overloaded', facts: undefined, pairs: 7 });
  metrics.requests.started();
  metrics.requests.ended({ ...REPORT, route: null, method: 'GET', status: 404, errorCode: 'not_found', facts: undefined });
  const { value } = await read(metrics);
  const tei = { model: 'fake', dialect: 'tei' };
  assert.equal(value('crossrank_requests_in_flight'), 0);
  assert.deepEqual(
    [value('te_request_count', { ...tei, method: 'batch' }), value('te_request_success', { ...tei, method: 'batch' })],
    [2, 1],
  );
  assert.deepEqual([value('te_predict_count', tei), value('te_predict_success', tei)], [9, 2]);
  assert.deepEqual(
    [value('te_request_failure', { ...tei, err: 'overloaded' }), value('te_request_failure', { ...tei, err: 'validation' })],
    [1, 0],
  );
  const rejected = (reason: string) => value('crossrank_requests_rejected_total', { ...tei, reason });
  assert.deepEqual([rejected('overloaded'), rejected('not_found')], [1, 1]);
  assert.deepEqual([value('te_request_duration_count', tei), value('te_request_duration_sum', tei)], [1, 0.25]);
  assert.equal(value('te_request_inference_duration_sum', tei), 0.2);
  assert.deepEqual([value('crossrank_documents_scored_total', tei), value('crossrank_documents_truncated_total', tei)], [2, 1]);
});

test('a batch is counted with its tokens, its padding and the time of its worker; one without scores with the time alone', async () => {
  const metrics = testMetrics();
  metrics.onBatch(BATCH);
  metrics.onBatch({ queueMs: 1, busyMs: 500, scores: null });
  metrics.onPoolEvent({ kind: 'worker_died', message: 'x' });
  metrics.onPoolEvent({ kind: 'worker_lost', where: 'script', message: 'x' });
  metrics.onPoolEvent({ kind: 'rebuilding', attempt: 1, delayMs: 1, message: 'x' });
  metrics.onPoolEvent({ kind: 'rebuilt', attempt: 1 });
  const { value } = await read(metrics);
  assert.deepEqual(
    [value('crossrank_tokens_total'), value('crossrank_token_slots_total'), value('crossrank_model_runs_total')],
    [30, 40, 2],
  );
  assert.equal(value('crossrank_worker_busy_seconds_total'), 0.75);
  assert.deepEqual(
    [value('te_batch_next_size_sum'), value('te_batch_next_tokens_sum'), value('crossrank_batch_tokens_sum')],
    [2, 40, 30],
  );
  assert.deepEqual([value('te_request_input_length_count'), value('te_request_input_length_bucket', { le: '16' })], [2, 1]);
  assert.equal(value('te_predict_duration_sum'), 0.25);
  const series = ['worker_deaths', 'worker_losses', 'pool_rebuilds'];
  assert.deepEqual(
    series.map((name) => value(`crossrank_${name}_total`)),
    [1, 1, 1],
  );
});

test('gauges are those of the moment they are asked for', async () => {
  const metrics = testMetrics();
  let status: ScorerStatus = { ...readyStatus(4), outstandingCost: 20_000, queuedBatches: 3, tokens: 75, tokenSlots: 100 };
  let draining = false;
  metrics.watch({ scorer: { status: () => status, costPerSecond: () => 1000, facts: FACTS }, isDraining: () => draining });
  const first = await read(metrics);
  assert.deepEqual([first.value('crossrank_queue_tokens'), first.value('crossrank_queue_seconds')], [20_000, 5]);
  assert.deepEqual(
    [first.value('te_queue_size'), first.value('crossrank_padding_share'), first.value('crossrank_ready')],
    [3, 0.25, 1],
  );
  assert.equal(first.value('crossrank_build_info', { onnxruntime: '1.30.0', dtype: 'float32' }), 1);
  status = { ...status, state: 'degraded', readyWorkers: 1 };
  draining = true;
  const second = await read(metrics);
  assert.deepEqual(
    [second.value('crossrank_ready'), second.value('crossrank_draining'), second.value('crossrank_workers_ready')],
    [0, 1, 1],
  );
  assert.equal(second.value('crossrank_capacity_tokens_per_second'), 1000);
});

test('while the model loads, speed is not asked for and the build tells no runtime', async () => {
  const metrics = testMetrics();
  const notReady = () => assert.fail('asked too early');
  const scorer = {
    status: (): ScorerStatus => ({ ...readyStatus(2), state: 'starting', readyWorkers: 0 }),
    costPerSecond: notReady,
    get facts(): SessionFacts {
      return notReady();
    },
  };
  metrics.watch({ scorer, isDraining: () => false });
  const { value } = await read(metrics);
  assert.deepEqual(
    [value('crossrank_ready'), value('crossrank_workers'), value('crossrank_build_info', { onnxruntime: '' })],
    [0, 2, 1],
  );
});

test('snapshots of several processes merge after a trip through JSON: sums, the worst, the mean', async () => {
  const [one, two] = [testMetrics(), testMetrics()];
  const scorer = (status: ScorerStatus) => ({ status: () => status, costPerSecond: () => 1000, facts: FACTS });
  one.watch({ scorer: scorer({ ...readyStatus(2), outstandingCost: 4000 }), isDraining: () => false });
  two.watch({ scorer: scorer({ ...readyStatus(2), outstandingCost: 8000 }), isDraining: () => true });
  for (const metrics of [one, one, two]) {
    metrics.requests.started();
    metrics.requests.ended(REPORT);
  }
  const snapshots = await Promise.all([one.snapshot(), two.snapshot()]);
  const { value, types } = parseExposition(await mergeSnapshots(JSON.parse(JSON.stringify(snapshots))));
  const tei = { dialect: 'tei' };
  assert.deepEqual([value('te_request_success', { ...tei, method: 'batch' }), value('te_request_duration_count', tei)], [3, 3]);
  assert.equal(value('te_request_duration_bucket', { ...tei, le: '+Inf' }), 3);
  assert.deepEqual([value('crossrank_workers'), value('crossrank_queue_tokens')], [4, 12_000]);
  assert.deepEqual([value('crossrank_queue_seconds'), value('crossrank_queue_limit_seconds')], [3, 30]);
  assert.deepEqual([value('crossrank_ready'), value('crossrank_draining'), value('crossrank_build_info')], [0, 1, 1]);
  assert.equal(value('crossrank_memory_limit_bytes'), 1_000_000_000);
  const alone = await read(one);
  assert.deepEqual(
    [...alone.types.keys()].filter((name) => !types.has(name)),
    ['process_start_time_seconds'],
    'the one without a meaning',
  );
});

const FACTS: SessionFacts = {
  inputs: [],
  output: 'logits',
  numLabels: 1,
  flatOutput: false,
  specialTokens: 3,
  runtimeVersion: '1.30.0',
  dtype: 'float32',
  packed: false,
};

const REPORT: RequestReport = {
  id: 'r',
  method: 'POST',
  path: '/rerank',
  route: '/rerank',
  dialect: 'tei',
  status: 200,
  errorCode: null,
  pairs: 2,
  facts: {
    model: 'fake',
    activation: 'sigmoid',
    truncated: [1],
    chunks: null,
    totalTokens: 30,
    timing: { queueMs: 10, tokenizationMs: 5, inferenceMs: 200, totalMs: 230 },
  },
  timing: { queueMs: 10, tokenizationMs: 5, inferenceMs: 200, totalMs: 230 },
  bytesIn: 1,
  bytesOut: 1,
  startedMs: 1000,
  endedMs: 1250,
  calledMs: 1010,
};

const SCORES: BatchScores = {
  logits: new Float32Array(2),
  numLabels: 1,
  tokenCounts: Uint32Array.of(10, 20),
  truncated: new Uint8Array(2),
  chunks: null,
  tokenizationMs: 50,
  inferenceMs: 150,
  tokenSlots: 40,
  runs: 2,
};

const BATCH = { queueMs: 50, busyMs: 250, scores: SCORES };

async function read(metrics: ServerMetrics) {
  return parseExposition(await metrics.text());
}
