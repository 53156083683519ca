// How far two scorings of the same documents differ; expected values worked out by hand, tau by scipy.stats.kendalltau.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FidelitySum, kendallTau } from '../../../src/cli/prepare/fidelity.ts';

function close(actual: number | null, expected: number): void {
  assert.ok(actual !== null && Math.abs(actual - expected) < 1e-6, `${actual} instead of ${expected}`);
}

test('tau-b as scipy has it, ties included', () => {
  close(kendallTau(Float32Array.of(1, 2, 3, 4), Float32Array.of(1, 2, 3, 4)), 1);
  close(kendallTau(Float32Array.of(1, 2, 3, 4), Float32Array.of(4, 3, 2, 1)), -1);
  close(kendallTau(Float32Array.of(12, 2, 1, 12, 2), Float32Array.of(1, 4, 7, 1, 0)), -0.4714045207910316);
  close(kendallTau(Float32Array.of(1, 2, 3, 4, 5), Float32Array.of(3, 1, 2, 5, 4)), 0.4);
  assert.equal(kendallTau(Float32Array.of(1, 1, 1), Float32Array.of(1, 2, 3)), null);
});

test('changes, first places and reciprocal ranks over several queries', () => {
  const sum = new FidelitySum();
  sum.add({
    reference: Float32Array.of(0.5, 0.25, 0.75),
    candidate: Float32Array.of(0.5, 0.5, 0.625),
    relevant: [true, false, false],
  });
  sum.add({ reference: Float32Array.of(1, 0), candidate: Float32Array.of(0, 0.5), relevant: [false, true] });
  sum.add({ reference: Float32Array.of(0.5), candidate: Float32Array.of(0.5), relevant: null });
  const result = sum.result();
  assert.equal(result.queries, 3);
  assert.equal(result.pairs, 6);
  assert.equal(result.largest_score_change, 1);
  close(result.mean_score_change, (0.25 + 0.125 + 1 + 0.5) / 6);
  assert.equal(result.top1_agreement, 2 / 3);
  // The relevant document is second both times in the reference; then second (a tie goes to the lower index), then first.
  assert.deepEqual(result.mrr_at_10, { queries: 2, float32: 0.5, candidate: 0.75 });
});

test('a relevant document past the tenth place counts nothing, and without judgements there is no MRR', () => {
  const scores = Float32Array.from({ length: 12 }, (_, i) => -i);
  const relevant = Array.from({ length: 12 }, (_, i) => i === 10);
  const judged = new FidelitySum();
  judged.add({ reference: scores, candidate: scores, relevant });
  assert.deepEqual(judged.result().mrr_at_10, { queries: 1, float32: 0, candidate: 0 });
  const unjudged = new FidelitySum();
  unjudged.add({ reference: scores, candidate: scores, relevant: null });
  assert.equal(unjudged.result().mrr_at_10, null);
});
