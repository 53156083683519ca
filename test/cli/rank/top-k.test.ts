import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type RankedEntry, TopK } from '../../../src/cli/rank/top-k.ts';
import { rank } from '../../../src/rerank/rank.ts';

test('keeps what sorting everything would keep, ties by corpus id', () => {
  const scores = fc.array(fc.constantFrom(0, 0.25, 0.5, -1, 7), { maxLength: 60 });
  fc.assert(
    fc.property(scores, fc.integer({ min: 1, max: 20 }), (values, capacity) => {
      const best = new TopK(capacity);
      values.forEach((score, corpusId) => {
        best.offer(entry(corpusId, score));
      });
      const floats = Float32Array.from(values);
      const expected = rank(floats, floats, capacity).map(({ index, score }) => [index, score]);
      assert.deepEqual(
        best.sorted().map(({ corpusId, score }) => [corpusId, score]),
        expected,
      );
      const again = new TopK(capacity, JSON.parse(JSON.stringify(best.entries)));
      assert.deepEqual(again.sorted(), best.sorted());
    }),
  );
});

test('an entry that is not among the best is refused, an earlier equal one is not', () => {
  const best = new TopK(2, [entry(4, 1), entry(5, 1)]);
  assert.equal(best.offer(entry(6, 1)), false);
  assert.equal(best.offer(entry(3, 1)), true);
  assert.deepEqual(
    best.sorted().map(({ corpusId }) => corpusId),
    [3, 4],
  );
});

test('without a bound everything is kept', () => {
  const best = new TopK(Number.POSITIVE_INFINITY);
  for (let i = 0; i < 1000; i += 1) best.offer(entry(i, i % 7));
  assert.equal(best.sorted().length, 1000);
});

function entry(corpusId: number, score: number): RankedEntry {
  return { corpusId, score, source: 's', line: corpusId + 1, text: null };
}
