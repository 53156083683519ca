import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { listPairs, rankPairs } from '../../src/rerank/pair-list.ts';
import { isLong, TextTable, WEAKLY_HASHED } from '../../src/rerank/text-table.ts';
import { atOnce, type Steps } from '../../src/rerank/turns.ts';

/** Units of work a table told of. */
function spent(steps: Steps<unknown>): number {
  let units = 0;
  for (let step = steps.next(); step.done !== true; step = steps.next()) units += step.value;
  return units;
}

test('equal long texts have one number, and those that differ in one unit have two', () => {
  const tail = 'x'.repeat(WEAKLY_HASHED);
  // A lone surrogate is U+FFFD in UTF-8: a digest of that would take the two for equal.
  const documents = [
    `a${tail}`,
    `b${tail}`,
    `a${tail}`,
    `\ud800${tail}`,
    `\ufffd${tail}`,
    `\ud800${tail}`,
    `longer ${tail}`,
    tail,
  ];
  const { documents: distinct, pairs } = atOnce(rankPairs('q', documents));
  assert.deepEqual(
    Array.from({ length: documents.length }, (_, i) => pairs[2 * i + 1]),
    [0, 1, 0, 2, 3, 2, 4, 5],
  );
  assert.deepEqual(
    distinct.map((text) => documents.indexOf(text!)),
    [0, 1, 3, 4, 6, 7],
  );
});

test('a long text is digested only when another one has its length, and then once', () => {
  const table = new TextTable<string>();
  const text = (first: string, length = WEAKLY_HASHED) => first + 'x'.repeat(length - 1);
  const add = (value: string): number => {
    assert.ok(isLong(value));
    return spent(table.addLong(value));
  };
  assert.equal(add(text('a')), 0);
  assert.equal(add(text('a', WEAKLY_HASHED + 1)), 0);
  assert.equal(add(text('b')), 2 * WEAKLY_HASHED, 'itself and the first one');
  assert.equal(add(text('c')), WEAKLY_HASHED);
  assert.equal(table.texts.length, 4);
});

test('one long text beside many others is digested no more than once', () => {
  const query = 'q'.repeat(WEAKLY_HASHED);
  const pairs = Array.from({ length: 1000 }, (_, i) => [query, `${i}`] as const);
  assert.ok(spent(listPairs(pairs)) < 400_000, 'a thousand digests are 16 million characters');
});

test('any texts: numbers are equal exactly where texts are', () => {
  const long = fc.tuple(fc.constantFrom('a', 'b', '\udc00', '\ufffd'), fc.integer({ min: -1, max: 1 }));
  const text = fc.oneof(
    fc.string({ maxLength: 2 }),
    long.map(([first, more]) => first.repeat(WEAKLY_HASHED + more)),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.option(text)), { maxLength: 20 }), (list) => {
      const { queries, documents, pairs } = atOnce(listPairs(list));
      assert.deepEqual([queries.length, documents.length], [new Set(list.map(([q]) => q)).size, new Set(list.map(([, d]) => d)).size]); // biome-ignore format: one line
      list.forEach(([query, document], i) => {
        assert.ok(queries[pairs[2 * i]!] === query && documents[pairs[2 * i + 1]!] === document);
      });
    }),
    { seed: 15, numRuns: 50 },
  );
});
