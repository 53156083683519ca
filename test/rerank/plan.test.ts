import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pairCost } from '../../src/pair-size.ts';
import type { ScoredBatch } from '../../src/protocol.ts';
import { estimateTokens } from '../../src/rerank/cost.ts';
import { encodeOptions } from '../../src/rerank/encode-options.ts';
import { estimate } from '../../src/rerank/estimate.ts';
import { gather } from '../../src/rerank/gather.ts';
import { listPairs, type PairList, rankPairs } from '../../src/rerank/pair-list.ts';
import { type Plan, type PlanLimits, plan } from '../../src/rerank/plan.ts';
import { atOnce, type Steps } from '../../src/rerank/turns.ts';
import { DEFAULT_SCORING } from '../../src/rerank/types.ts';
import { fakeSpec } from '../helpers/model-spec.ts';

const SPEC = { ...fakeSpec(), specialTokens: 3 };
const ENCODE = encodeOptions(DEFAULT_SCORING, 1);

function planned(pairs: Steps<PairList>, limits: Partial<PlanLimits> = {}): Plan {
  const list = atOnce(pairs);
  const all = { batchCost: 100, batchPairs: 1000, workers: 1, costPerCharacter: 0, ...limits };
  return atOnce(plan(list, atOnce(estimate(list, SPEC, ENCODE)), ENCODE, all));
}

/** Texts of a batch's pairs. */
function pairTexts(batch: Plan['batches'][number]): string[] {
  return Array.from({ length: batch.pairs.length / 2 }, (_, i) =>
    [batch.queries[batch.pairs[2 * i]!], batch.documents[batch.pairs[2 * i + 1]!]].join('|'),
  );
}

/** Scores a batch as a model would that gives the pair's text length. */
function scoreBatch(batch: Plan['batches'][number]): ScoredBatch {
  const texts = pairTexts(batch);
  return {
    logits: Float32Array.from(texts, (text) => text.length),
    numLabels: 1,
    tokenCounts: Uint32Array.from(texts, (text) => text.length),
    truncated: Uint8Array.from(texts, (text) => (text.length > 50 ? 1 : 0)),
    chunks: null,
    tokenizationMs: 1,
    inferenceMs: 2,
    tokenSlots: 0,
    runs: 1,
    queueMs: 3,
  };
}

test('duplicates are scored once and answered each time', () => {
  const list = rankPairs('q', ['same', 'other', 'same', 'same']);
  const result = planned(list);
  assert.deepEqual(result.batches.flatMap(pairTexts).sort(), ['q|other', 'q|same']);
  const gathered = atOnce(gather(result, result.batches.map(scoreBatch)));
  assert.deepEqual(Array.from(gathered.logits), [6, 7, 6, 6]);
  assert.equal(gathered.totalTokens, 25);
});

test('batches hold bounded work, at least one pair each, similar lengths together', () => {
  const documents = Array.from({ length: 200 }, (_, i) => 'x'.repeat(4 * ((i * 37) % 100)));
  const result = planned(rankPairs('query', documents), { batchCost: 150 });
  assert.ok(result.batches.length > 10);
  for (const batch of result.batches) assert.ok(batch.cost <= 150 || batch.documents.length === 1);
  const lengths = result.batches.map((batch) => batch.documents.map((document) => document!.length));
  for (let i = 1; i < lengths.length; i += 1) assert.ok(Math.min(...lengths[i - 1]!) >= Math.max(...lengths[i]!));
});

test('a pair above the bound makes a batch of its own', () => {
  const result = planned(rankPairs('q', ['x'.repeat(4000), 'y'.repeat(4000)]), { batchCost: 1 });
  assert.deepEqual(
    result.batches.map((batch) => batch.documents.length),
    [1, 1],
  );
});

test('a small call is split among the workers, batch_size bounds the pairs', () => {
  const documents = Array.from({ length: 40 }, (_, i) => `document number ${i}`);
  const planFor = (limits: Partial<PlanLimits>): Plan => planned(rankPairs('q', documents), limits);
  assert.equal(planFor({ batchCost: 1e6 }).batches.length, 1);
  assert.ok(planFor({ batchCost: 1e3, workers: 4 }).batches.length >= 4);
  for (const batch of planFor({ batchCost: 1e6, batchPairs: 7 }).batches) assert.ok(batch.documents.length <= 7);
});

test('a batch carries each of its texts once and no other', () => {
  const list = listPairs([
    ['a', 'x'],
    ['b', 'x'],
    ['a', 'y'],
    ['a', 'x'],
  ]);
  const [batch] = planned(list, { batchCost: 1e6 }).batches;
  assert.deepEqual([...batch!.queries].sort(), ['a', 'b']);
  assert.deepEqual([...batch!.documents].sort(), ['x', 'y']);
  assert.deepEqual(pairTexts(batch!).sort(), ['a|x', 'a|y', 'b|x']);
});

test('an empty call has no batches and no scores', () => {
  const result = planned(rankPairs('q', []));
  assert.equal(result.batches.length, 0);
  assert.equal(atOnce(gather(result, [])).logits.length, 0);
});

test('any pairs, any bounds: every pair gets the score of its own texts', () => {
  const text = fc.string({ maxLength: 30, unit: 'grapheme' });
  const pairs = fc.array(fc.tuple(text, text), { maxLength: 60 });
  fc.assert(
    fc.property(pairs, fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 9 }), (list, batchCost, workers) => {
      const result = planned(listPairs(list), { batchCost, batchPairs: 1 + (batchCost % 8), workers });
      const gathered = atOnce(gather(result, result.batches.map(scoreBatch)));
      const expected = list.map((pair) => pair.join('|').length);
      assert.deepEqual(Array.from(gathered.logits), expected);
      assert.deepEqual(
        [...gathered.truncated],
        expected.flatMap((length, index) => (length > 50 ? [index] : [])),
      );
    }),
  );
});

test('several labels are gathered row by row', () => {
  const result = planned(rankPairs('q', ['b', 'a']), { batchPairs: 1 });
  const scored = result.batches.map((batch) => ({
    ...scoreBatch(batch),
    numLabels: 2,
    logits: Float32Array.from([batch.documents[0] === 'a' ? 1 : 2, 9]),
  }));
  assert.deepEqual(Array.from(atOnce(gather(result, scored)).logits), [2, 9, 1, 9]);
});

test('token estimates: a quarter token a letter, one a CJK character, never above the limit', () => {
  assert.equal(estimateTokens('', 512), 1);
  assert.equal(estimateTokens('abcdefgh', 512), 3);
  assert.equal(estimateTokens('熊猫是一种动物', 512), 8);
  assert.equal(estimateTokens('x'.repeat(10_000_000), 512), 512);
});

test('cost grows faster than length', () => {
  assert.ok(pairCost(400, 384) > 2 * pairCost(200, 384));
  for (let tokens = 3; tokens <= 512; tokens += 1)
    assert.ok(Number.isSafeInteger(pairCost(tokens, 384)), 'sums must come back to 0');
});
