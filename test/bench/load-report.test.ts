import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overloadResult } from '../../bench/load/overload-report.ts';
import { flatness, slope } from '../../bench/load/sample-figures.ts';
import { summarize } from '../../bench/load/summary.ts';

const CONTEXT = { quick: true, cores: 2, flags: [], against: null, say: () => {} };

function rate(share: number, count: number, { lateMs = 100, lost = 0 } = {}) {
  const record = { label: 'rank', documents: 10, startedMs: 0, scheduledMs: 0, queueMs: null, reusedSocket: true, right: true };
  const good = Array.from({ length: count }, () => ({ ...record, endedMs: lateMs, status: 200, error: null, retryAfter: false }));
  const refused = { ...record, endedMs: 20, status: 429, error: null, retryAfter: true, right: false };
  const gone = Array.from({ length: lost }, () => ({ ...refused, status: null, error: 'ECONNRESET', retryAfter: false }));
  const summary = summarize([...good, refused, ...gone], { fromMs: 0, toMs: 1000 }, 10_000);
  return { share, ...summary, server_cores: 2, generator_cores: 0.1 };
}

test('goodput above capacity is judged beside the best of any load, the closed loop included', () => {
  const capacity = { requests_per_second: 10, documents_per_second: 100 };
  const rates = [rate(0.5, 5), rate(3, 8, { lost: 2 })];
  const { wanted } = overloadResult([{ model: 'm', capacity, rates, rss_last_over_first: 1 }], CONTEXT);
  const met = Object.fromEntries(wanted.map(({ name, measured, met }) => [name.replace(/^m: /, ''), [measured, met]]));
  assert.deepEqual(met, {
    'goodput at 300 % of capacity over the best of any load': [0.8, false],
    'p99 of accepted requests at any rate, s': [0.1, true],
    'p99 of refusals at any rate, ms': [20, true],
    'refusals without Retry-After': [0, true],
    'wrong answers and lost requests': [2, false],
    'memory of the last third of the load over the first': [1, true],
  });
});

test('thirds and slopes of samples', () => {
  assert.equal(flatness([100, 100, 500, 90, 110, 110]), 1.1);
  assert.equal(flatness([Number.NaN, 2, 3]), Number.NaN);
  assert.equal(
    slope([
      [0, 5],
      [1, 7],
      [2, Number.NaN],
      [3, 11],
    ]),
    2,
  );
});
