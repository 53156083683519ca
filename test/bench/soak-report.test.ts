import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mixedResult } from '../../bench/load/mixed-report.ts';
import { type Phase, type SoakFigures, soakResult } from '../../bench/load/soak-report.ts';
import { latencies } from '../../bench/load/summary.ts';
import { renderChart } from '../../bench/report/chart.ts';

const RECORD = {
  label: 'small',
  documents: 5,
  scheduledMs: 0,
  startedMs: 0,
  endedMs: 20,
  status: 200,
  error: null,
  retryAfter: false,
  queueMs: null,
  reusedSocket: true,
  right: true,
};

function phase(name: Phase['name'], startedAt: number, records: Phase['steady']): Phase {
  return { name, startedAt, seconds: 1000, steady: records, bursts: [], generator: { seconds: 1000, cores: 0.02 } };
}

function figures(beside: Phase['steady'], rssPerSecond = 0): SoakFigures {
  const sample = { rss_mib: 100, threads: 12, descriptors: 40, sockets: 3, health_ms: 2, heap_mib: 30, loop_p99_ms: 12 };
  const samples = Array.from({ length: 2001 }, (_, s) => ({ ...sample, at: 1000 * s, rss_mib: 100 + rssPerSecond * s }));
  return {
    phases: [phase('alone', 0, [RECORD]), phase('beside', 1_000_000, beside)],
    slow: [{ kind: 'headers', livedMs: 6000, cut: true, said: 'HTTP/1.1 408 Request Timeout' }],
    samples,
    atRest: { ...samples[0]!, descriptors: 39 },
    documentsPerSecond: 1000,
  };
}

function measuredOf(result: ReturnType<typeof soakResult>): Record<string, readonly [number | null, boolean | null]> {
  return Object.fromEntries(result.wanted.map(({ name, measured, met }) => [name.replace('soak: ', ''), [measured, met]]));
}

test('a soak without a fault meets all but the descriptor it left open', () => {
  const measured = measuredOf(soakResult(figures([RECORD, { ...RECORD, status: 429, right: false, retryAfter: true }])));
  assert.deepEqual(measured['file descriptors left open by it all'], [1, false]);
  assert.deepEqual(measured['slow clients: seconds past their timeout, most'], [1, true]);
  assert.deepEqual(
    Object.entries(measured)
      .filter(([, [, met]]) => met !== true)
      .map(([name]) => name),
    ['file descriptors left open by it all'],
  );
});

test('a soak shows a leak, a wrong answer, an error of ours, a lost request, and starved callers', () => {
  const beside = [
    { ...RECORD, endedMs: 100 },
    { ...RECORD, right: false },
    { ...RECORD, status: 500, right: false },
    { ...RECORD, status: null, error: 'ECONNRESET', right: false },
    { ...RECORD, status: null, error: 'left', right: false },
  ];
  const measured = measuredOf(soakResult(figures(beside, 0.05)));
  assert.deepEqual(measured['wrong answers'], [2, false]);
  assert.deepEqual(measured['answers of 500'], [1, false]);
  assert.deepEqual(measured['requests without an answer'], [1, false]);
  assert.equal(measured['growth of memory in an hour, share']![1], false);
  assert.deepEqual(measured['p99 of 5 documents beside slow clients over without'], [5, false]);
});

test('mixed load: the wait beside large requests, and how much worse first in first out is', () => {
  const arm = (name: 'idle' | 'fair' | 'fifo', ms: number) => ({
    arm: name,
    small: latencies([{ ...RECORD, endedMs: ms }]),
    queue_p99_ms: 2 * ms,
    outcomes: { 200: 1 },
    wrong: 0,
    large_answered: 0,
    large_outcomes: {},
  });
  const arms = [arm('idle', 20), arm('fair', 120), arm('fifo', 2400)];
  const { wanted } = mixedResult([{ model: 'm', callers: 2, small_per_second: 1, arms }]);
  assert.deepEqual(
    wanted.map(({ measured, met }) => [measured, met]),
    [
      [240, false],
      [100, true],
      [20, true],
      [0, true],
    ],
  );
});

test('what was not measured is null, in the wanted figures as in the samples', () => {
  const all = figures([RECORD]);
  const samples = all.samples.map((sample) => ({ ...sample, loop_p99_ms: Number.NaN }));
  const result = soakResult({ ...all, samples });
  assert.deepEqual(measuredOf(result)['event-loop delay by /metrics, p99 of each second, ms'], [null, null]);
  assert.ok(!JSON.stringify(result.results).includes('NaN') && !renderChart(result.charts[0]!).includes('NaN'));
});
