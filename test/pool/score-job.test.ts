import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScoreJob } from '../../src/pool/score-job.ts';

test('a job past its deadline is settled before it is dispatched, however late its timer is', async () => {
  const deadlineMs = performance.now() + 3_600_000;
  const settled: ScoreJob[] = [];
  const job = new ScoreJob([], { id: 'x', deadlineMs, signal: null, maxWorkers: 0 }, null, (each) => settled.push(each));
  assert.equal(job.expireBy(deadlineMs - 1), false);
  assert.equal(job.expireBy(deadlineMs), true);
  await assert.rejects(job.result, { code: 'deadline' });
  assert.equal(Atomics.load(job.cancelFlag, 0), 1);
  assert.equal(job.expireBy(deadlineMs + 1), true);
  assert.deepEqual(settled, [job]);
});

test('urgency becomes the weight of the lane', () => {
  const weightOf = (urgency?: number) => {
    const ticket = { id: 'x', deadlineMs: Number.POSITIVE_INFINITY, signal: null, maxWorkers: 0, urgency };
    return new ScoreJob([], ticket, null, () => {}).lane.weight;
  };
  assert.deepEqual([weightOf(), weightOf(3), weightOf(2), weightOf(4)], [1, 1, 4, 1 / 4]);
});
