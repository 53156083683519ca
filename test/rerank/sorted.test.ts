import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sortedInSteps } from '../../src/rerank/sorted.ts';
import { atOnce } from '../../src/rerank/turns.ts';

test('the order is that of the platform, for counts around the bounds of runs', () => {
  const count = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom(16_383, 16_384, 16_385, 32_768, 32_769, 50_000, 70_001));
  fc.assert(
    fc.property(count, fc.integer({ min: 1, max: 1000 }), (length, spread) => {
      const values = Float64Array.from({ length }, (_, i) => (i * 7919) % spread);
      const compare = (a: number, b: number): number => values[b]! - values[a]! || a - b;
      assert.deepEqual(atOnce(sortedInSteps(length, compare)), Uint32Array.from(values.keys()).sort(compare));
    }),
    { seed: 18, numRuns: 40 },
  );
});

test('no step is longer than some ten thousand comparisons', () => {
  const steps = sortedInSteps(200_000, (a, b) => b - a);
  for (let step = steps.next(); step.done !== true; step = steps.next()) assert.ok(step.value <= 16_384 * 80);
});
