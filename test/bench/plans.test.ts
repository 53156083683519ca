import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inRequestOrder, paddingShare, sortedByLength, withLimits } from '../../bench/engine/plans.ts';
import { interleave } from '../../bench/interleave.ts';
import { pairFlops } from '../../bench/models/bert-shape.ts';
import { median, percentile, spread } from '../../bench/statistics.ts';

const LENGTHS = Uint32Array.from([10, 40, 20, 30]);

function toArrays(runs: readonly Uint32Array[]): number[][] {
  return runs.map((run) => Array.from(run));
}

test('padded batches take pairs in request order, or the longest first', () => {
  assert.deepEqual(toArrays(inRequestOrder(3)(LENGTHS)), [[0, 1, 2], [3]]);
  assert.deepEqual(toArrays(sortedByLength(3)(LENGTHS)), [[1, 3, 2], [0]]);
});

test('the padding share counts the slots a batch adds to its shorter pairs', () => {
  assert.equal(paddingShare(LENGTHS, inRequestOrder(2)(LENGTHS)), 1 - 100 / (80 + 60));
  assert.equal(paddingShare(LENGTHS, inRequestOrder(1)(LENGTHS)), 0);
  assert.equal(paddingShare(new Uint32Array(0), []), 0);
});

test('our own plan keeps its padding limit', () => {
  const lengths = Uint32Array.from({ length: 100 }, (_, i) => 10 + ((i * 37) % 200));
  const runs = withLimits({ maxTokens: 256, maxPadding: 0.05, maxPairs: 256 })(lengths);
  assert.ok(paddingShare(lengths, runs) <= 0.05);
});

test('operations of a pair: per token 8h^2 + 4hi + 4hL a layer', () => {
  const shape = { hidden: 2, layers: 3, intermediate: 8 };
  assert.equal(pairFlops(shape, 5), 3 * 5 * (8 * 4 + 4 * 16 + 4 * 2 * 5) + 2 * 4 + 4);
});

test('rounds rotate their order and stop at the budget', async () => {
  const order: string[] = [];
  const measure = (name: string) => async () => order.push(name);
  const limits = { minRounds: 2, maxRounds: 5, budgetMs: 0 };
  const measured = await interleave({ a: measure('a'), b: measure('b') }, limits);
  assert.deepEqual(order, ['a', 'b', 'b', 'a']);
  assert.deepEqual(measured, { a: [1, 4], b: [2, 3] });
});

test('medians and percentiles', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(percentile([5, 1, 4, 2, 3], 0.99), 5);
  assert.equal(percentile([5, 1, 4, 2, 3], 0.5), 3);
  assert.deepEqual(spread([1, 2, 3, 4]), { median: 2.5, p25: 1, p75: 3, rounds: 4 });
});
