// The library's face: what the reference does not record (types, options, lifetimes, failures at load).

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Tensor } from 'onnxruntime-common';
import { CrossEncoder, RerankError } from '../src/index.ts';
import { oracleModel } from './helpers/oracle.ts';

const PAIRS = [
  ['what is a panda', 'the giant panda is a bear'],
  ['what is a panda', 'hello'],
] as const;

/** A copy of a recorded model with some files replaced. */
function changedModel(test: TestContext, family: string, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'crossrank-changed-'));
  test.after(() => rmSync(directory, { recursive: true }));
  cpSync(oracleModel(family), directory, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

function fails(code: string, pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof RerankError && error.code === code && pattern.test(error.message);
}

test('predict: Float32Array by default, Tensor or numbers when asked, a scalar for one pair', async () => {
  await using model = await CrossEncoder.load(oracleModel('bert'), { workers: 1 });
  const scores = await model.predict(PAIRS);
  assert.ok(scores instanceof Float32Array && scores.length === 2);
  const tensor = await model.predict(PAIRS, { convertToTensor: true, convertToNumpy: true });
  assert.ok(tensor instanceof Tensor);
  assert.deepEqual([tensor.type, tensor.dims, tensor.data], ['float32', [2], scores]);
  assert.deepEqual(await model.predict(PAIRS, { convertToNumpy: false }), Array.from(scores));
  assert.equal(await model.predict(PAIRS[0]), scores[0]);
  assert.deepEqual(await model.predict([]), new Float32Array(0));
});

test('predict on several labels: rows of k', async () => {
  await using model = await CrossEncoder.load(oracleModel('nli-3label'), { workers: 1 });
  const scores = await model.predict(PAIRS);
  assert.equal(scores.length, 6);
  const rows = await model.predict(PAIRS, { convertToNumpy: false });
  assert.deepEqual(rows, [Array.from(scores.subarray(0, 3)), Array.from(scores.subarray(3))]);
  const tensor = await model.predict(PAIRS, { convertToTensor: true });
  assert.deepEqual(tensor.dims, [2, 3]);
  assert.deepEqual(await model.predict(PAIRS[0]), scores.slice(0, 3));
  const softmax = await model.predict(PAIRS, { applySoftmax: true });
  assert.ok(Math.abs(softmax[0]! + softmax[1]! + softmax[2]! - 1) < 1e-6);
});

test('long documents: cut on either side, bounded, or in chunks of which the best counts', async () => {
  await using model = await CrossEncoder.load(oracleModel('bert'), { workers: 2 });
  const filler = 'hello '.repeat(900);
  const pair = ['what is a panda', `${filler}the giant panda is a bear`] as const;
  const [right, left, chunked, one, short] = await Promise.all([
    model.predict([pair]),
    model.predict([pair], { truncationSide: 'left' }),
    model.predict([pair], { longDocuments: 'chunk' }),
    model.predict([pair], { longDocuments: 'chunk', maxChunksPerDocument: 1 }),
    model.predict([pair], { maxTokensPerDocument: 20 }),
  ]);
  assert.notDeepEqual(left, right);
  assert.deepEqual(one, right);
  assert.ok(chunked[0]! >= right[0]!);
  assert.deepEqual(short, await model.predict([[pair[0], filler]], { maxTokensPerDocument: 20 }));
  await assert.rejects(
    model.predict([pair], { longDocuments: 'chunk', chunkOverlap: 300 }),
    (error) =>
      fails('validation', /cannot share 300 tokens/)(error) && error instanceof RerankError && error.field === 'chunk_overlap',
  );
  await assert.rejects(model.predict([pair], { maxTokensPerDocument: 0 }), fails('validation', /max_tokens_per_doc/));
});

test('old and new name of the activation, per model and per call', async () => {
  await using model = await CrossEncoder.load(oracleModel('bert'), { workers: 1, activationFn: 'torch.nn.Identity' });
  assert.equal(model.activationFn, 'identity');
  const [logit] = await model.predict(PAIRS);
  const [old] = await model.predict(PAIRS, { activationFct: 'Tanh' });
  const [both] = await model.predict(PAIRS, { activationFct: 'identity', activationFn: 'Tanh' });
  assert.equal(old, Math.fround(Math.tanh(logit!)));
  assert.equal(both, old);
  await assert.rejects(model.predict(PAIRS, { activationFn: 'relu' }), fails('validation', /unknown activation 'relu'/));
});

test('max_length per call lowers the limit and never raises it; below the special tokens nothing is cut, as in the reference', async () => {
  await using model = await CrossEncoder.load(oracleModel('bert'), { workers: 1, maxLength: 32 });
  assert.equal(model.maxLength, 32);
  const long: readonly [string, string] = ['what is a panda', 'bear '.repeat(100)];
  assert.notEqual(await model.predict(long), await model.predict(long, { maxLength: 8 }));
  assert.equal(await model.predict(long), await model.predict(long, { maxLength: 999 }));
  assert.equal(await model.predict(long, { maxLength: 2 }), await model.predict(long));
});

test('a call ends with the caller’s signal or its time', async () => {
  await using model = await CrossEncoder.load(oracleModel('bert'), { workers: 1 });
  const documents = Array.from({ length: 5000 }, (_, i) => `document ${i} about pandas`);
  await assert.rejects(model.rank('panda', documents, { timeoutMs: 1 }), fails('deadline', /time limit/));
  await assert.rejects(model.rank('panda', documents, { signal: AbortSignal.abort() }), fails('cancelled', /left/));
  assert.equal((await model.rank('panda', documents.slice(0, 3))).length, 3);
});

test('a closed model refuses calls', async () => {
  const model = await CrossEncoder.load(oracleModel('bert'), { workers: 1 });
  await model.close();
  await model.close();
  await assert.rejects(model.rank('q', ['d']), fails('draining', /shutting down/));
});

test('a known pair that scores otherwise stops the load', async (t) => {
  await using model = await CrossEncoder.load(oracleModel('bert'), { workers: 1 });
  const [query, document] = PAIRS[0];
  const [logit] = await model.predict([PAIRS[0]], { activationFn: 'identity' });
  const right = changedModel(t, 'bert', { 'known-pair.json': JSON.stringify({ query, document, logit }) });
  await (await CrossEncoder.load(right, { workers: 2 })).close();
  const wrong = changedModel(t, 'bert', { 'known-pair.json': JSON.stringify({ query, document, logit: logit! + 0.1 }) });
  await assert.rejects(CrossEncoder.load(wrong, { workers: 2 }), fails('model_files', /scores its known pair/));
});

test('what does not fit together stops the load with its cause', async (t) => {
  const load = (directory: string): Promise<CrossEncoder> => CrossEncoder.load(directory, { workers: 2 });
  const config = JSON.parse(readFileSync(join(oracleModel('bert'), 'config.json'), 'utf8'));
  const labels = changedModel(t, 'bert', { 'config.json': JSON.stringify({ ...config, id2label: { 0: 'a', 1: 'b' } }) });
  await assert.rejects(load(labels), fails('model_files', /names 2 label\(s\) \(a, b\) but the graph gives 1/));
  await assert.rejects(
    load(changedModel(t, 'bert', { 'model.onnx': 'not a model' })),
    fails('model_files', /cannot open .*model\.onnx/),
  );
  await assert.rejects(load(changedModel(t, 'bert', { 'tokenizer.json': '{"model":' })), fails('model_files', /tokenizer\.json/));
  await assert.rejects(CrossEncoder.load('/nonexistent'), fails('model_files', /no model directory/));
  await assert.rejects(CrossEncoder.load(oracleModel('bert'), { workers: 0 }), fails('config', /workers/));
});
