// Liveness, readiness and /info, and what rank requests meet while the server starts or drains.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VERSION } from '../../src/version.ts';
import { startTestServer } from './support.ts';

test('/health is 200 whatever the model does', async (t) => {
  const server = await startTestServer(t, { status: { state: 'closed' } });
  const reply = await server.send('/health');
  assert.deepEqual([reply.status, reply.body], [200, { status: 'ok' }]);
});

test('/ready is 200 only when ready and not draining', async (t) => {
  const server = await startTestServer(t, { flags: { workers: '2' } });
  const ready = await server.send('/ready');
  assert.deepEqual([ready.status, ready.body], [200, { status: 'ready', workers: 2, ready_workers: 2, lost_workers: 0 }]);
  server.draining = true;
  const draining = await server.send('/ready');
  assert.equal(draining.status, 503);
  assert.equal(draining.headers.get('retry-after'), '1');
  const counts = { workers: 2, ready_workers: 2, lost_workers: 0 };
  assert.deepEqual(draining.body, { status: 'not_ready', reason: 'draining', ...counts, last_error: null });
  for (const state of ['starting', 'degraded', 'draining', 'closed'] as const) {
    const other = await startTestServer(t, { status: { state, readyWorkers: 0, lastError: 'why' } });
    const reply = await other.send('/ready');
    assert.deepEqual([reply.status, reply.body.reason, reply.body.last_error], [503, state, 'why']);
  }
});

test('a worker that is lost shows while the others serve, and nobody is ready without one', async (t) => {
  const some = await startTestServer(t, { flags: { workers: '2' }, status: { readyWorkers: 1, lostWorkers: 1 } });
  const ready = await some.send('/ready');
  assert.deepEqual([ready.status, ready.body.ready_workers, ready.body.lost_workers], [200, 1, 1]);
  const none = await startTestServer(t, { status: { state: 'degraded', readyWorkers: 0, lostWorkers: 1 } });
  const reply = await none.send('/ready');
  assert.deepEqual([reply.status, reply.body.reason, reply.body.lost_workers], [503, 'degraded', 1]);
});

test('while the model loads and while the server drains, work is refused with 503 and Retry-After', async (t) => {
  const starting = await startTestServer(t, { status: { state: 'starting' } });
  const draining = await startTestServer(t);
  draining.draining = true;
  for (const [server, code] of [
    [starting, 'not_ready'],
    [draining, 'draining'],
  ] as const) {
    // biome-ignore format: pairs
    const native = await server.post('/rank', { query: 'q', documents: [] });
    assert.deepEqual([native.status, native.body.error.code, native.headers.get('retry-after')], [503, code, '1']);
    const original = await server.post('/rank_documents/', { query: 'q', documents: [] });
    assert.deepEqual([original.status, typeof original.body.detail], [503, 'string']);
    assert.equal((await server.post('/rank', '{')).status, 400);
    assert.equal((await server.send('/')).status, 200);
    assert.equal(server.calls.length, 0);
  }
});

test('/info has what text-embeddings-inference tells, and more', async (t) => {
  const server = await startTestServer(t, {
    flags: { workers: '2', 'served-model-name': 'shop-reranker' },
    spec: { directory: '/models/x', onnxFile: '/models/x/onnx/model.onnx', prompts: { web: 'query: ' }, revision: 'abc' },
    status: { tokens: 75, tokenSlots: 100 },
  });
  const { body, status } = await server.send('/info');
  assert.equal(status, 200);
  assert.deepEqual(body, {
    model_id: 'fake',
    model_sha: 'abc',
    model_dtype: 'float32',
    served_model_name: 'shop-reranker',
    model_type: { reranker: { id2label: { 0: 'LABEL_0' }, label2id: { LABEL_0: 0 } } },
    max_concurrent_requests: null,
    max_input_length: 512,
    max_batch_tokens: null,
    max_batch_requests: null,
    max_client_batch_size: 10_000,
    auto_truncate: true,
    tokenization_workers: 2,
    version: VERSION,
    sha: null,
    docker_label: null,
    architecture: 'BertForSequenceClassification',
    onnx_file: 'onnx/model.onnx',
    activation: 'sigmoid',
    activation_source: 'test',
    labels: ['LABEL_0'],
    max_input_length_source: 'test',
    prompt_names: ['web'],
    default_prompt_name: null,
    pair_template: false,
    workers: 2,
    ready_workers: 2,
    lost_workers: 0,
    packed_weights: false,
    padding_share: 0.25,
    payload_limit: 33_554_432,
    request_timeout_seconds: 60,
    max_queue_seconds: 30,
    runtime: { node: process.versions.node, onnxruntime: '1.30.0' },
  });
});

test('/info of a model with several labels and of one still loading', async (t) => {
  const server = await startTestServer(t, { spec: { labels: ['no', 'yes'] }, status: { state: 'starting' } });
  const { body } = await server.send('/info');
  assert.deepEqual(body.model_type, { classifier: { id2label: { 0: 'no', 1: 'yes' }, label2id: { no: 0, yes: 1 } } });
  assert.equal(body.runtime.onnxruntime, null);
  assert.deepEqual([body.model_dtype, body.packed_weights, body.padding_share], [null, null, null]);
});
