import assert from 'node:assert/strict';
import { test } from 'node:test';
import { versionFigures } from '../../bench/versions/compare.ts';

const round = (seconds: number, latenciesMs: number[]) => ({ seconds, latenciesMs, generatorSeconds: 0 });

test('ratios are of the pairs of a round, so that a slow round of both changes nothing', () => {
  const ours = [round(1, [10, 10]), round(10, [100, 100]), round(1, [10, 10])];
  const theirs = [round(2, [20, 20]), round(20, [200, 200]), round(2, [20, 20])];
  const figures = versionFigures({ model: 'any', documents: 5, connections: 1 }, { ours, theirs });
  assert.equal(figures.speed_ratio, 2);
  assert.deepEqual(figures.documents_per_second, { ours: 10, theirs: 5 });
  assert.deepEqual([figures.p50_ms, figures.p50_ratio], [{ ours: 10, theirs: 20 }, 0.5]);
  assert.deepEqual([figures.p99_ms, figures.p99_ratio, figures.rounds], [{ ours: 100, theirs: 200 }, 0.5, 3]);
});
