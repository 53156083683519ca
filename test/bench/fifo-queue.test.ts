import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FifoQueue } from '../../bench/load/fifo-queue.ts';
import { createLane } from '../../src/pool/fair-queue.ts';

test('entries are taken in the order they came, whoever they belong to', () => {
  const queue = new FifoQueue<string>();
  const [large, small] = [createLane<string>(0), createLane<string>(0)];
  for (const entry of ['large 1', 'large 2', 'large 3']) queue.push(large, entry);
  queue.push(small, 'small');
  assert.equal(queue.next(), 'large 1');
  queue.pushFront(large, 'large 1');
  assert.deepEqual([queue.next(), queue.next()], ['large 1', 'large 2']);
  assert.deepEqual(queue.drop(large), ['large 3']);
  assert.deepEqual([queue.size, queue.next(), queue.next()], [1, 'small', undefined]);
});

test('a lane at its bound is passed over', () => {
  const queue = new FifoQueue<string>();
  const [bound, free] = [createLane<string>(1), createLane<string>(0)];
  queue.push(bound, 'bound');
  queue.push(free, 'free');
  bound.running = 1;
  assert.equal(queue.next(), 'free');
  assert.equal(queue.next(), undefined);
  bound.running = 0;
  assert.equal(queue.next(), 'bound');
});
