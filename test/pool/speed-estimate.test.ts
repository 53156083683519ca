import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpeedEstimate } from '../../src/pool/speed-estimate.ts';

function assertNear(actual: number, expected: number, share: number): void {
  assert.ok(Math.abs(actual / expected - 1) <= share, `${actual} is not within ${100 * share} % of ${expected}`);
}

test('the warm-up counts until there is real work, which soon outweighs it', () => {
  const speed = new SpeedEstimate(1000);
  assert.equal(speed.costPerSecond, 1000);
  speed.learn(5000, 50);
  assert.ok(speed.costPerSecond > 80_000, `${speed.costPerSecond}`);
  for (let i = 0; i < 20; i += 1) speed.learn(5000, 50);
  assertNear(speed.costPerSecond, 100_000, 0.01);
});

test('tiny batches, mostly overhead, do not make a fast worker look slow', () => {
  const speed = new SpeedEstimate(100_000);
  for (let i = 0; i < 20; i += 1) speed.learn(5000, 50);
  for (let i = 0; i < 60; i += 1) speed.learn(10, 1); // a tenth of the speed
  assert.ok(speed.costPerSecond > 70_000, `${speed.costPerSecond}`);
});

test('a worker that becomes slower is seen to be within a second of work; its peak stays', () => {
  const speed = new SpeedEstimate(100_000);
  for (let i = 0; i < 20; i += 1) speed.learn(5000, 50);
  for (let i = 0; i < 10; i += 1) speed.learn(5000, 100);
  assertNear(speed.costPerSecond, 50_000, 0.05);
  assertNear(speed.peakCostPerSecond, 100_000, 0.01);
});

test('the peak is unknown until a second of work was done, however the warm-up went', () => {
  const speed = new SpeedEstimate(1000);
  for (let i = 0; i < 19; i += 1) speed.learn(5000, 50);
  assert.equal(speed.peakCostPerSecond, Number.POSITIVE_INFINITY);
  speed.learn(5000, 50);
  assertNear(speed.peakCostPerSecond, 100_000, 0.01);
});

test('a batch without work or time says nothing', () => {
  const speed = new SpeedEstimate(1000);
  speed.learn(0, 50);
  speed.learn(50, 0);
  assert.equal(speed.costPerSecond, 1000);
});
