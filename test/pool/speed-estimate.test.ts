import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SpeedEstimate } from '../../src/pool/speed-estimate.ts';

function assertNear(actual: number, expected: number, share: number): void {
  assert.ok(Math.abs(actual / expected - 1) <= share, `${actual} is not within ${100 * share} % of ${expected}`);
}

test('the warm-up counts until there is real work, which soon outweighs it', () => {
  const speed = new SpeedEstimate(1000);
  assert.equal(speed.perSecond, 1000);
  speed.learn(5000, 50);
  assert.ok(speed.perSecond > 80_000, `${speed.perSecond}`);
  for (let i = 0; i < 20; i += 1) speed.learn(5000, 50);
  assertNear(speed.perSecond, 100_000, 0.01);
});

test('tiny batches, mostly overhead, do not make a fast worker look slow', () => {
  const speed = new SpeedEstimate(100_000);
  for (let i = 0; i < 20; i += 1) speed.learn(5000, 50);
  for (let i = 0; i < 60; i += 1) speed.learn(10, 1); // a tenth of the speed
  assert.ok(speed.perSecond > 70_000, `${speed.perSecond}`);
});

test('a worker that becomes slower is seen to be within a second of work; its peak stays', () => {
  const speed = new SpeedEstimate(100_000);
  for (let i = 0; i < 20; i += 1) speed.learn(5000, 50);
  for (let i = 0; i < 10; i += 1) speed.learn(5000, 100);
  assertNear(speed.perSecond, 50_000, 0.05);
  assertNear(speed.peakPerSecond, 100_000, 0.01);
});

test('until a second of work was done the machine may be twice as fast as its warm-up, and no faster', () => {
  const speed = new SpeedEstimate(1000);
  assert.equal(speed.peakPerSecond, 2000);
  assert.equal(new SpeedEstimate(1000, { hoped: 9000 }).peakPerSecond, 9000, 'what a model of its size may be hoped to do');
  for (let i = 0; i < 20; i += 1) speed.learn(400, 50);
  assertNear(speed.peakPerSecond, 8000, 0.01);
  for (let i = 0; i < 20; i += 1) speed.learn(5000, 50);
  assertNear(speed.peakPerSecond, 100_000, 0.01);
});

test('a machine that became slower for good is seen to be, within minutes of work', () => {
  const speed = new SpeedEstimate(100_000);
  for (let i = 0; i < 100; i += 1) speed.learn(5000, 50);
  for (let i = 0; i < 6000; i += 1) speed.learn(1000, 50);
  assert.ok(speed.peakPerSecond < 25_000, `${speed.peakPerSecond}`);
});

test('small calls, however many, neither prove a speed nor lower the best one', () => {
  const fresh = new SpeedEstimate(1000);
  for (let i = 0; i < 100_000; i += 1) fresh.learn(1, 2);
  assert.equal(fresh.peakPerSecond, 2000);
  const proven = new SpeedEstimate(100_000);
  for (let i = 0; i < 20; i += 1) proven.learn(5000, 50);
  for (let i = 0; i < 100_000; i += 1) proven.learn(10, 2);
  assertNear(proven.perSecond, 100_000, 0.01);
  assertNear(proven.peakPerSecond, 100_000, 0.01);
});

test('a moment in which the machine stood still is forgotten within a second of work', () => {
  const speed = new SpeedEstimate(100_000);
  for (let i = 0; i < 20; i += 1) speed.learn(5000, 50);
  for (let i = 0; i < 5; i += 1) speed.learn(5000, 3_600_000);
  assert.ok(speed.perSecond > 10_000, `${speed.perSecond}`);
  assertNear(speed.peakPerSecond, 100_000, 0.15);
  for (let i = 0; i < 20; i += 1) speed.learn(5000, 50);
  assertNear(speed.perSecond, 100_000, 0.15);
});

test('bounds hold, whatever a warm-up or a batch says', () => {
  const numbers = fc.double({ noNaN: false });
  fc.assert(
    fc.property(numbers, fc.array(fc.tuple(numbers, numbers)), (first, batches) => {
      const speed = new SpeedEstimate(first, { least: 10, most: 1000 });
      for (const [cost, ms] of batches) {
        speed.learn(cost, ms);
        assert.ok(speed.perSecond >= 10 && speed.perSecond <= 1000, `${speed.perSecond}`);
        assert.ok(speed.peakPerSecond >= speed.perSecond && speed.peakPerSecond <= 8000, `${speed.peakPerSecond}`);
      }
    }),
  );
});

test('a batch without work or time says nothing', () => {
  const speed = new SpeedEstimate(1000);
  speed.learn(0, 50);
  speed.learn(50, 0);
  assert.equal(speed.perSecond, 1000);
});
