// longest_first: the closed form against taking one token at a time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keep, longestFirst } from '../../../workers/tokenizer/truncate.ts';

/** One token at a time from the longer; of equal ones the query loses first, since the document counts as the longer at the end. */
function oneByOne(query: number, document: number, budget: number): { query: number; document: number } {
  let [q, d] = [query, document];
  while (q + d > budget) {
    if (q > d || (q === d && query <= document)) q -= 1;
    else d -= 1;
  }
  return { query: q, document: d };
}

test('the closed form equals taking one token at a time', () => {
  for (let query = 0; query <= 12; query += 1) {
    for (let document = 0; document <= 12; document += 1) {
      for (let budget = 0; budget <= 26; budget += 1) {
        assert.deepEqual(
          longestFirst(query, document, budget),
          oneByOne(query, document, budget),
          `${query} ${document} ${budget}`,
        );
      }
    }
  }
});

test('a length above the budget need not be exact', () => {
  for (const budget of [3, 7, 8]) {
    assert.deepEqual(longestFirst(3, budget + 1, budget), longestFirst(3, 10_000, budget));
    assert.deepEqual(longestFirst(budget + 1, 3, budget), longestFirst(10_000, 3, budget));
  }
});

test('keep takes the first or the last ids', () => {
  const ids = Int32Array.of(1, 2, 3, 4);
  assert.deepEqual([...keep(ids, 2, 'right')], [1, 2]);
  assert.deepEqual([...keep(ids, 2, 'left')], [3, 4]);
  assert.deepEqual([...keep(ids, 9, 'left')], [1, 2, 3, 4]);
  assert.deepEqual([...keep(ids, 0, 'left')], []);
});
