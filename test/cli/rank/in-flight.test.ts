import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inFlight } from '../../../src/cli/rank/in-flight.ts';

async function* numbers(count: number): AsyncGenerator<number> {
  for (let i = 0; i < count; i += 1) yield i;
}

test('results keep the order of the items, whichever ends first, and no more than the bound run', async () => {
  let running = 0;
  let most = 0;
  const ended: number[] = [];
  const start = async (item: number): Promise<number> => {
    running += 1;
    most = Math.max(most, running);
    for (let ticks = item % 3 === 0 ? 50 : 20; ticks > 0; ticks -= 1) await null; // every third is slow
    running -= 1;
    ended.push(item);
    return item * 10;
  };
  const results: number[] = [];
  for await (const { item, result } of inFlight(numbers(9), { start, weight: () => 1, maxWeight: 3, abandon: () => {} })) {
    assert.equal(result, item * 10);
    results.push(item);
  }
  assert.deepEqual(results, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  assert.notDeepEqual(ended, results);
  assert.equal(most, 3);
});

test('a failure is told after everything under way has settled, and what is under way is abandoned', async () => {
  const settled: number[] = [];
  const abandoned = new AbortController();
  const start = async (item: number): Promise<number> => {
    if (item === 0) throw new Error('first');
    await new Promise<void>((resolve) => abandoned.signal.addEventListener('abort', () => resolve()));
    settled.push(item);
    return item;
  };
  const results = inFlight(numbers(9), { start, weight: () => 1, maxWeight: 3, abandon: () => abandoned.abort() });
  await assert.rejects(results.next(), /first/);
  assert.deepEqual(settled, [1, 2]);
});
