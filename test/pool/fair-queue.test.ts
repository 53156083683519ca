import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLane, FairQueue } from '../../src/pool/fair-queue.ts';

function drain(queue: FairQueue<string>): string[] {
  const taken: string[] = [];
  for (let entry = queue.next(); entry !== undefined; entry = queue.next()) taken.push(entry);
  return taken;
}

test('lanes take turns whatever their length', () => {
  const queue = new FairQueue<string>(() => 1);
  const long = createLane<string>(0);
  const short = createLane<string>(0);
  for (const entry of ['a1', 'a2', 'a3', 'a4']) queue.push(long, entry);
  for (const entry of ['b1', 'b2']) queue.push(short, entry);
  assert.equal(queue.size, 6);
  assert.deepEqual(drain(queue), ['a1', 'b1', 'a2', 'b2', 'a3', 'a4']);
  assert.equal(queue.size, 0);
});

/** Entries are `lane:cost`. */
function costQueue(): FairQueue<string> {
  return new FairQueue((entry) => Number(entry.split(':')[1]));
}

test('a small call that comes late is served next, however many large ones wait', () => {
  const queue = costQueue();
  for (const name of ['a', 'b', 'c', 'd']) {
    const lane = createLane<string>(0);
    for (let i = 0; i < 100; i += 1) queue.push(lane, `${name}:50`);
  }
  for (let taken = 0; taken < 101; taken += 1) {
    const small = createLane<string>(0);
    queue.push(small, 'small:5');
    assert.equal(queue.next(), 'small:5', `after ${taken} large entries`);
    queue.next();
  }
});

test('a quick call of several entries is served whole, of two equal ones the first', () => {
  const queue = costQueue();
  const large = createLane<string>(0);
  for (let i = 0; i < 100; i += 1) queue.push(large, 'large:50');
  queue.next();
  for (const name of ['a', 'b']) {
    const quick = createLane<string>(0, 1, 30);
    for (let i = 0; i < 3; i += 1) queue.push(quick, `${name}:10`);
  }
  const next = Array.from({ length: 7 }, () => queue.next());
  assert.deepEqual(next, ['a:10', 'a:10', 'a:10', 'b:10', 'b:10', 'b:10', 'large:50']);
});

test('of quick calls the smaller overtakes, but not for ever', () => {
  const queue = costQueue();
  const medium = createLane<string>(0, 1, 60);
  for (let i = 0; i < 6; i += 1) queue.push(medium, 'medium:10');
  const order = Array.from({ length: 20 }, () => {
    queue.push(createLane<string>(0, 1, 10), 'small:10');
    return queue.next();
  });
  assert.equal(order[0], 'small:10');
  assert.ok(order.includes('medium:10'), 'overtaken by every small one');
});

test('a quick call does not go before what is more urgent', () => {
  const queue = costQueue();
  const [urgent, quick] = [createLane<string>(0, 4), createLane<string>(0, 1, 40)];
  for (let i = 0; i < 4; i += 1) queue.push(quick, 'quick:10');
  for (let i = 0; i < 4; i += 1) queue.push(urgent, 'urgent:10');
  const first = Array.from({ length: 4 }, () => queue.next());
  assert.deepEqual(first, ['urgent:10', 'urgent:10', 'urgent:10', 'quick:10'], 'each as much as its weight');
});

test('quick calls that never end leave a large one its share', () => {
  const queue = costQueue();
  const large = createLane<string>(0);
  for (let i = 0; i < 10; i += 1) queue.push(large, 'large:50');
  let quickCost = 0;
  for (let served = 0; served < 10; ) {
    if (queue.size < 12) for (let i = 0, lane = createLane<string>(0, 1, 40); i < 4; i += 1) queue.push(lane, 'quick:10');
    if (queue.next() === 'large:50') served += 1;
    else quickCost += 10;
    assert.ok(quickCost <= 210 * (served + 1), `${served} large entries served while quick ones had ${quickCost}`);
  }
});

test('lanes share by cost, not by number of entries', () => {
  const queue = costQueue();
  const [coarse, fine] = [createLane<string>(0), createLane<string>(0)];
  for (let i = 0; i < 100; i += 1) queue.push(coarse, 'coarse:40');
  for (let i = 0; i < 400; i += 1) queue.push(fine, 'fine:10');
  const first = Array.from({ length: 100 }, () => queue.next()!);
  const cost = (name: string) =>
    first.filter((entry) => entry.startsWith(name)).reduce((sum, entry) => sum + Number(entry.split(':')[1]), 0);
  assert.ok(Math.abs(cost('coarse') - cost('fine')) <= 40, `${cost('coarse')} and ${cost('fine')}`);
});

test('small calls that never end do not starve a large one', () => {
  const queue = costQueue();
  const large = createLane<string>(0);
  for (let i = 0; i < 10; i += 1) queue.push(large, 'large:50');
  let smallCost = 0;
  queue.push(createLane<string>(0), 'small:5');
  for (let served = 0; served < 10; ) {
    if (queue.next() === 'large:50') {
      served += 1;
      continue;
    }
    queue.push(createLane<string>(0), 'small:5');
    smallCost += 5;
    assert.ok(smallCost <= 110 * (served + 1), `${served} large entries served while small ones had ${smallCost}`);
  }
  assert.ok(smallCost >= 900, `the small ones had ${smallCost}`);
});

test('weights divide the work, and the lightest lane still goes on', () => {
  const queue = costQueue();
  const [heavy, light] = [createLane<string>(0, 4), createLane<string>(0, 1)];
  for (let i = 0; i < 500; i += 1) {
    queue.push(heavy, 'heavy:10');
    queue.push(light, 'light:10');
  }
  const first = Array.from({ length: 500 }, () => queue.next()!);
  assert.equal(first.filter((entry) => entry === 'light:10').length, 100);
});

test('an idle time is no credit', () => {
  const queue = costQueue();
  const [busy, late] = [createLane<string>(0), createLane<string>(0)];
  for (let i = 0; i < 200; i += 1) queue.push(busy, 'busy:10');
  for (let i = 0; i < 100; i += 1) queue.next();
  for (let i = 0; i < 50; i += 1) queue.push(late, 'late:10');
  const first = Array.from({ length: 20 }, () => queue.next()!);
  assert.equal(first.filter((entry) => entry === 'late:10').length, 10);
});

test('a lane at its bound is passed over and served again when it has room', () => {
  const queue = new FairQueue<string>(() => 1);
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
  const queue = new FairQueue<string>(() => 1);
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
  const queue = new FairQueue<string>(() => 1);
  const lane = createLane<string>(0);
  queue.push(lane, 'a1');
  queue.push(lane, 'a2');
  queue.pushFront(lane, queue.next()!);
  assert.deepEqual(drain(queue), ['a1', 'a2']);
  queue.pushFront(lane, 'a0');
  assert.deepEqual(drain(queue), ['a0']);
});
