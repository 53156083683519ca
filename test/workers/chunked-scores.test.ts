// Scores of documents in chunks, with a real model: the best of what its chunks score alone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { loadModelSpec } from '../../src/model/model-spec.ts';
import type { Chunking, EncodeOptions, PairBatch } from '../../src/protocol.ts';
import { PairEncoder, PLAIN_ENCODING } from '../../workers/pair-encoder.ts';
import { reduceRows } from '../../workers/reduce-rows.ts';
import { BatchScorer } from '../../workers/scorer.ts';
import { oracleModel } from '../helpers/oracle.ts';

const spec = loadModelSpec(oracleModel('bert'), { id: null, onnxFile: null, maxLength: null, pairTemplate: null });
const encoder = new PairEncoder(spec);
let scorer: BatchScorer;
before(async () => {
  const weights = { onnxFile: spec.onnxFile, dtype: 'float32', packed: false, check: null } as const;
  scorer = await BatchScorer.open({ spec, weights, cpuMemArena: false });
});
after(() => scorer.close());

const DOCUMENTS = [
  'short',
  'Berlin had a population of many people and the river goes through the city. '.repeat(12),
  'the giant panda is a bear that eats bamboo, 大熊猫是熊。 '.repeat(9),
];
const CHUNKING: Chunking = { overlap: { tokens: 5 }, maxChunks: null };

function batchOf(options: Partial<EncodeOptions>): PairBatch {
  const pairs = Uint32Array.from(DOCUMENTS.flatMap((_, index) => [0, index]));
  return {
    prompt: '',
    queries: ['what is a panda'],
    documents: DOCUMENTS,
    pairs,
    encode: { ...PLAIN_ENCODING, maxLength: 40, ...options },
    cost: 1,
  };
}

const never = (): boolean => false;

test('a pair gets the best logit of its chunks, the sum of their tokens, and their number', async () => {
  const batch = batchOf({ chunking: CHUNKING });
  const scored = await scorer.score(batch, never);
  const encoded = encoder.encodeBatch(batch, never)!;
  assert.equal(scored.logits.length, DOCUMENTS.length);
  for (const [index, { rows }] of encoded.entries()) {
    const logits = await Promise.all(
      rows.map(async ({ ids, typeIds }) => (await scorer.logitsOf({ ids: [...ids], typeIds: [...typeIds] }))[0]!),
    );
    assert.ok(Math.abs(scored.logits[index]! - Math.max(...logits)) < 1e-5);
    assert.equal(
      scored.tokenCounts[index],
      rows.reduce((sum, { ids }) => sum + ids.length, 0),
    );
  }
  assert.deepEqual(
    [...scored.chunks!],
    encoded.map(({ rows }) => rows.length),
  );
  assert.ok(scored.chunks![1]! > 3 && scored.chunks![0] === 1);
  assert.deepEqual([...scored.truncated], [0, 0, 0]);
});

test('the same batch gives the same bytes; more chunks never score less', async () => {
  const first = await scorer.score(batchOf({ chunking: CHUNKING }), never);
  assert.deepEqual((await scorer.score(batchOf({ chunking: CHUNKING }), never)).logits, first.logits);
  const cut = await scorer.score(batchOf({}), never);
  assert.equal(cut.chunks, null);
  assert.deepEqual([...cut.truncated], [0, 1, 1]);
  cut.logits.forEach((logit, pair) => {
    assert.ok(first.logits[pair]! > logit - 1e-5);
  });
  const one = await scorer.score(batchOf({ chunking: { ...CHUNKING, maxChunks: 1 } }), never);
  assert.deepEqual([one.logits, one.truncated, one.tokenCounts], [cut.logits, cut.truncated, cut.tokenCounts]);
});

test('the flag is looked at between the chunks of one document', async () => {
  let looks = 0;
  const cancelled = scorer.score(batchOf({ chunking: CHUNKING }), () => ++looks > DOCUMENTS.length + 2);
  await assert.rejects(cancelled, { code: 'cancelled' });
  assert.equal(looks, DOCUMENTS.length + 3);
});

test('an overlap that the limit cannot hold is the caller’s fault', async () => {
  const batch = batchOf({ chunking: { overlap: { tokens: 30 }, maxChunks: null } });
  await assert.rejects(scorer.score(batch, never), { code: 'validation', field: 'chunk_overlap' });
});

test('a NaN of one chunk is not hidden behind a better one', () => {
  const rows = { logits: Float32Array.of(1, Number.NaN, 3, 2), numLabels: 1, tokenCounts: Uint32Array.of(5, 6, 7, 8) };
  const { logits, tokenCounts } = reduceRows(rows, Uint32Array.of(3, 1));
  assert.deepEqual(
    [[...logits], [...tokenCounts]],
    [
      [Number.NaN, 2],
      [18, 8],
    ],
  );
  assert.throws(() => reduceRows({ ...rows, numLabels: 2 }, Uint32Array.of(3, 1)), { code: 'internal' });
});
