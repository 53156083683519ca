import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArrivalTurns } from '../../../src/http/body/turns.ts';

const CHUNK = 65_536;

test('a turn takes what comes until it is full, the next ones take the rest, in order', async () => {
  const arrivals = new ArrivalTurns();
  let turn = 0;
  const taken: number[] = [];
  const count = () => {
    turn += 1;
    if (taken.length < 40) setImmediate(count);
  };
  setImmediate(count);
  const waits: Promise<void>[] = [];
  for (let chunk = 0; chunk < 40; chunk += 1) {
    if (arrivals.tryTake(CHUNK)) taken.push(turn);
    else waits.push(arrivals.next(CHUNK).then(() => void taken.push(turn)));
  }
  await Promise.all(waits);
  assert.equal(taken.length, 40);
  assert.deepEqual(
    taken,
    taken.toSorted((a, b) => a - b),
  );
  for (const each of new Set(taken)) assert.ok(taken.filter((one) => one === each).length <= 5, `${taken}`);
});
