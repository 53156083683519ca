import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { buildFeeds, planRuns } from '../../workers/micro-batch.ts';
import type { TokenRow } from '../../workers/pair-encoder.ts';

const LIMITS = { maxTokens: 256, maxPadding: 0.05, maxPairs: 256 };

function pair(...ids: number[]): TokenRow {
  return { ids: Int32Array.from(ids), typeIds: Int32Array.from(ids, (_, i) => (i > 1 ? 1 : 0)) };
}

test('every pair is in one run, runs keep to their bounds', () => {
  const lengths = fc.uint32Array({ min: 1, max: 600, maxLength: 200 });
  fc.assert(
    fc.property(lengths, (all) => {
      const runs = planRuns(all, LIMITS);
      assert.deepEqual(
        runs.flatMap((run) => [...run]).sort((a, b) => a - b),
        [...all.keys()],
      );
      for (const run of runs) {
        const longest = Math.max(...Array.from(run, (index) => all[index]!));
        const used = Array.from(run, (index) => all[index]!).reduce((sum, length) => sum + length, 0);
        const slots = longest * run.length;
        assert.ok(slots <= LIMITS.maxTokens || run.length === 1);
        assert.ok(slots - used <= slots * LIMITS.maxPadding);
      }
    }),
  );
});

test('equal lengths share a run up to the token budget', () => {
  const runs = planRuns(new Uint32Array(10).fill(64), LIMITS);
  assert.deepEqual(
    runs.map((run) => run.length),
    [4, 4, 2],
  );
});

test('no pairs, no runs', () => assert.deepEqual(planRuns(new Uint32Array(0), LIMITS), []));

test('feeds: only the inputs the model declares, in its types, padded on the right', () => {
  const { pairs, length, feeds } = buildFeeds(
    [pair(5, 6, 7), pair(8)],
    [
      { name: 'input_ids', type: 'int64' },
      { name: 'attention_mask', type: 'int32' },
    ],
    { id: 9, side: 'right' },
  );
  assert.deepEqual([pairs, length], [2, 3]);
  assert.deepEqual(feeds[0]!.data, BigInt64Array.of(5n, 6n, 7n, 8n, 9n, 9n));
  assert.deepEqual(feeds[1]!.data, Int32Array.of(1, 1, 1, 1, 0, 0));
  assert.equal(feeds.length, 2);
});

test('feeds: left padding, token types and positions', () => {
  const { feeds } = buildFeeds(
    [pair(8), pair(5, 6, 7)],
    [
      { name: 'input_ids', type: 'int32' },
      { name: 'attention_mask', type: 'int32' },
      { name: 'token_type_ids', type: 'int64' },
      { name: 'position_ids', type: 'int32' },
    ],
    { id: 9, side: 'left' },
  );
  assert.deepEqual(feeds[0]!.data, Int32Array.of(9, 9, 8, 5, 6, 7));
  assert.deepEqual(feeds[1]!.data, Int32Array.of(0, 0, 1, 1, 1, 1));
  assert.deepEqual(feeds[2]!.data, BigInt64Array.of(0n, 0n, 0n, 0n, 0n, 1n));
  assert.deepEqual(feeds[3]!.data, Int32Array.of(0, 0, 0, 0, 1, 2));
});
