import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonPieces } from '../../src/http/json-pieces.ts';

test('the pieces together are what JSON.stringify gives', async () => {
  const anything = fc.anything().filter((value) => isWritable(value));
  const answer = fc.oneof(anything, fc.array(anything), fc.dictionary(fc.string(), fc.oneof(anything, fc.array(anything))));
  await fc.assert(
    fc.asyncProperty(answer, async (value) => {
      const text = Buffer.concat(await jsonPieces(value, async () => {})).toString();
      assert.equal(text, JSON.stringify(value) ?? 'null');
    }),
    { seed: 15, numRuns: 500 },
  );
});

function isWritable(value: unknown): boolean {
  try {
    const text = JSON.stringify(value);
    return typeof text === 'string';
  } catch {
    return false; // a bigint
  }
}

test('a large answer gives way to others, entry by entry; a small one never waits', async () => {
  const results = Array.from({ length: 1000 }, (_, index) => ({
    index,
    document: { toJSON: () => ({ text: 'x'.repeat(10_000) }) },
  }));
  let turns = 0;
  const turn = async () => {
    turns += 1;
  };
  const pieces = await jsonPieces({ id: 'a', results }, turn);
  assert.ok(turns >= 18 && pieces.every(({ length }) => length < 600_000), `${turns} turns`);
  turns = 0;
  await jsonPieces({ results: results.slice(0, 10) }, turn);
  assert.equal(turns, 0);
});
