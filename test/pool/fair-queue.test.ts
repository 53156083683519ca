import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLane, FairQueue } from '../../src/pool/fair-queue.ts';

function drain(queue: FairQueue<string>): string[] {
  const taken: string[] = [];
  for (let entry = queue.next(); entry !== undefined; entry = queue.next()) taken.push(entry);
  return taken;
}

test('lanes take turns whatever their length', () => {
  const queue = new FairQueue<string>();
  const long = createLane<string>(0);
  const short = createLane<string>(0);
  for (const entry of ['a1', 'a2', 'a3', 'a4']) queue.push(long, entry);
  for (const entry of ['b1', 'b2']) queue.push(short, entry);
  assert.equal(queue.size, 6);
  assert.deepEqual(drain(queue), ['a1', 'b1', 'a2', 'b2', 'a3', 'a4']);
  assert.equal(queue.size, 0);
});

test('a late lane is served after one entry of the lane before it', () => {
  const queue = new FairQueue<string>();
  const long = createLane<string>(0);
  for (let i = 0; i < 1000; i += 1) queue.push(long, `a${i}`);
  assert.equal(queue.next(), 'a0');
  const late = createLane<string>(0);
  queue.push(late, 'b');
  assert.equal(queue.next(), 'a1');
  assert.equal(queue.next(), 'b');
});

test('a lane at its bound is passed over and served again when it has room', () => {
  const queue = new FairQueue<string>();
  const bounded = createLane<string>(1);
  const free = createLane<string>(0);
  queue.push(bounded, 'a1');
  queue.push(bounded, 'a2');
  queue.push(free, 'b1');
  assert.equal(queue.next(), 'a1');
  bounded.running = 1;
  assert.equal(queue.next(), 'b1');
  assert.equal(queue.next(), undefined);
  assert.equal(queue.size, 1);
  bounded.running = 0;
  assert.equal(queue.next(), 'a2');
});

test('dropping a lane takes only its waiting entries', () => {
  const queue = new FairQueue<string>();
  const gone = createLane<string>(0);
  const stays = createLane<string>(0);
  for (const entry of ['a1', 'a2', 'a3']) queue.push(gone, entry);
  queue.push(stays, 'b1');
  assert.equal(queue.next(), 'a1');
  assert.deepEqual(queue.drop(gone), ['a2', 'a3']);
  assert.equal(queue.size, 1);
  assert.deepEqual(drain(queue), ['b1']);
  queue.push(gone, 'a4');
  assert.deepEqual(drain(queue), ['a4']);
});

test('an entry put back is the first of its lane', () => {
  const queue = new FairQueue<string>();
  const lane = createLane<string>(0);
  queue.push(lane, 'a1');
  queue.push(lane, 'a2');
  queue.pushFront(lane, queue.next()!);
  assert.deepEqual(drain(queue), ['a1', 'a2']);
  queue.pushFront(lane, 'a0');
  assert.deepEqual(drain(queue), ['a0']);
});
