// What a call is charged, against what its workers really do.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EncodeOptions } from '../../src/protocol.ts';
import { charactersRead } from '../../src/rerank/cost.ts';
import { encodeOptions } from '../../src/rerank/encode-options.ts';
import { estimate, leastCost, type PricedModel } from '../../src/rerank/estimate.ts';
import { listPairs, rankPairs } from '../../src/rerank/pair-list.ts';
import { type Plan, type PlanLimits, plan } from '../../src/rerank/plan.ts';
import { planTexts } from '../../src/rerank/text-plan.ts';
import { atOnce } from '../../src/rerank/turns.ts';
import { DEFAULT_SCORING } from '../../src/rerank/types.ts';
import { PLAIN_ENCODING } from '../../workers/pair-encoder.ts';
import { familyEncoder } from '../workers/tokenizer/fixtures.ts';

const MODEL: PricedModel = { maxLength: 512, hiddenSize: 128, specialTokens: 3 };
const LIMITS: PlanLimits = { batchCost: 2000, batchPairs: 1024, workers: 4, costPerCharacter: 0.01 };

type Pairs = readonly (readonly [string, string | null])[];

function planned(pairs: Pairs, limits: Partial<PlanLimits> = {}, prompt = ''): Plan {
  const list = atOnce(listPairs(pairs, prompt));
  return atOnce(plan(list, atOnce(estimate(list, MODEL, PLAIN_ENCODING)), PLAIN_ENCODING, { ...LIMITS, ...limits }));
}

/** Tokenizers of all kinds: words, bytes, unigrams. */
const FAMILIES = ['bert', 'roberta', 'xlmr', 'deberta-v2', 'modernbert', 'albert'];

const TEXT = fc
  .tuple(fc.constantFrom('a ', 'word ', 'x', '!?', '熊猫', '\u0130', '\u0301', '😀', 'न', '\n'), fc.nat(600))
  .map(([unit, times]) => unit.repeat(times));

test('no option makes a pair cheaper than a sixteenth of the tokens it runs', () => {
  const count = (most: number) => fc.option(fc.integer({ min: 1, max: most }));
  const options = fc.record({
    maxLength: fc.option(fc.integer({ min: -3, max: 600 })),
    truncationSide: fc.constantFrom('left', 'right', null),
    maxTokensPerDocument: count(300),
    longDocuments: fc.constantFrom('truncate', 'chunk'),
    maxChunksPerDocument: count(9),
  });
  const encoders = FAMILIES.map((family) => ({ family, encoder: familyEncoder(family, {}, { maxLength: 512 }) }));
  fc.assert(
    fc.property(fc.constantFrom(...encoders), TEXT, TEXT, options, ({ family, encoder }, query, document, changed) => {
      const encode: EncodeOptions = encodeOptions({ ...DEFAULT_SCORING, ...changed } as typeof DEFAULT_SCORING, 1);
      const list = atOnce(listPairs([[query, document]]));
      const model = { maxLength: 512, hiddenSize: 128, specialTokens: encoder.specialTokens };
      const { tokens } = atOnce(estimate(list, model, encode));
      const [pair] = encoder.encodeBatch({ ...list, encode, cost: 1 }, () => false)!;
      const ran = pair!.rows.reduce((sum, { ids }) => sum + ids.length, 0);
      assert.ok(tokens[0]! >= ran / 16, `${family}: priced ${tokens[0]}, ran ${ran}`);
    }),
    { seed: 16, numRuns: 400 },
  );
});

test('a limit below the special tokens is priced as it is run: not at all', () => {
  const list = atOnce(rankPairs('q', ['word '.repeat(1000)]));
  const tokensAt = (maxLength: number | null) => atOnce(estimate(list, MODEL, { ...PLAIN_ENCODING, maxLength })).tokens[0];
  assert.deepEqual([tokensAt(null), tokensAt(1), tokensAt(-5), tokensAt(3), tokensAt(10)], [512, 512, 512, 3, 10]);
});

test('what the limit may need of a text of words is charged in full, the rest by a sixteenth', () => {
  const rule = { tokenLimit: 512, side: 'right', isReadWhole: false } as const;
  const words = 'some words '.repeat(91_000);
  assert.equal(charactersRead('', words.slice(0, 100), rule), 100);
  assert.equal(charactersRead('', words.slice(0, 8192), rule), 8192);
  assert.equal(charactersRead('', words.slice(0, 8192 + 160_000), rule), 8192 + 10_000);
  assert.equal(charactersRead(words.slice(0, 80_000), words.slice(0, 8192 + 80_000), rule), 8192 + 10_000);
  assert.equal(charactersRead('', words, { ...rule, tokenLimit: Number.POSITIVE_INFINITY }), words.length);
  assert.equal(charactersRead('', words, { ...rule, isReadWhole: true }), words.length);
});

test('a text of which nobody knows where it has tokens is charged to its end', () => {
  const rule = { tokenLimit: 512, side: 'right', isReadWhole: false } as const;
  const length = 1_000_000;
  for (const endless of [' ', '\u0301', '\u0001', 'a', '\u0130', '\u202e', '\u3042', '\u0e01'])
    assert.equal(charactersRead('', endless.repeat(length), rule), length, JSON.stringify(endless));
  const ideographs = '\u4e2d'.repeat(length);
  assert.ok(charactersRead('', ideographs, rule) < length / 10);
  const startsWell = 'some words '.repeat(2000) + '\u0301'.repeat(length);
  assert.ok(charactersRead('', startsWell, rule) < startsWell.length / 10);
  for (const side of ['left', null] as const) assert.equal(charactersRead('', startsWell, { ...rule, side }), startsWell.length);
});

test('a query is charged once a worker, with its prompt, and a document once', () => {
  const documents = Array.from({ length: 300 }, (_, i) => `${i}`.padStart(40));
  const reading = (query: string, prompt: string, workers: number): number =>
    planned(
      documents.map((document) => [query, document]),
      { workers, batchCost: 400 },
      prompt,
    ).batches.reduce((sum, batch) => sum + batch.reading!.characters, 0);
  const own = 300 * 40;
  for (const workers of [1, 4]) assert.equal(reading('q'.repeat(1000), 'p'.repeat(500), workers), own + workers * 1500);
});

test('a prompt costs by its queries: a megabyte before 6,000 of them is no bargain', () => {
  const pairs = Array.from({ length: 6000 }, (_, i) => [`q${i}`, 'd'] as const);
  const cost = (prompt: string): number => planned(pairs, {}, prompt).cost;
  assert.ok(cost('p'.repeat(1_000_000)) > cost('') + 0.01 * 6000 * (1_000_000 / 16));
});

test('reading is told apart, so that it does not count in the speed of the model', () => {
  const text = '\u0130'.repeat(15_000_000);
  const [batch] = planned([['q', text]]).batches;
  assert.ok(batch!.reading!.cost > 9000, `${batch!.reading!.cost}`);
  assert.ok(batch!.cost - batch!.reading!.cost < 1000);
});

test('any pairs, any limits: costs are whole, their sum is what the door is told, and never less than the least', () => {
  const text = fc.string({ maxLength: 60 });
  const limits = fc.record({
    batchCost: fc.double({ min: 0.1, max: 1e4, noNaN: true }),
    batchPairs: fc.integer({ min: 1, max: 20 }),
    workers: fc.integer({ min: 1, max: 9 }),
    costPerCharacter: fc.double({ min: 0, max: 3, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.option(text)), { maxLength: 40 }), limits, text, (pairs, limit, prompt) => {
      const list = atOnce(listPairs(pairs, prompt));
      const workload = atOnce(estimate(list, MODEL, PLAIN_ENCODING));
      const result = atOnce(plan(list, workload, PLAIN_ENCODING, limit));
      for (const { cost, reading } of result.batches) {
        assert.ok(Number.isSafeInteger(cost) && cost > 0 && Number.isSafeInteger(reading!.cost));
        assert.ok(reading!.cost >= 0 && reading!.cost < cost);
      }
      assert.equal(
        result.batches.reduce((sum, { cost }) => sum + cost, 0),
        result.cost,
      );
      const modelOnly = leastCost(workload, 0, limit.workers);
      assert.equal(
        result.batches.reduce((sum, { cost, reading }) => sum + cost - reading!.cost, 0),
        modelOnly,
      );
    }),
    { seed: 17, numRuns: 200 },
  );
});

test('texts to be tokenised cost whole units, their prompt with each', () => {
  const request = { texts: ['a'.repeat(4000), 'b'], addSpecialTokens: true };
  const plain = atOnce(planTexts({ ...request, prompt: '' }, 12_345.6));
  const prompted = atOnce(planTexts({ ...request, prompt: 'c'.repeat(40_000) }, 12_345.6));
  for (const { batches, cost } of [plain, prompted]) {
    assert.ok(Number.isSafeInteger(cost));
    assert.equal(
      batches.reduce((sum, batch) => sum + batch.cost, 0),
      cost,
    );
  }
  assert.ok(prompted.cost > 10 * plain.cost);
});

test('a model whose sizes make no price is a bug, before anything is let in', () => {
  const list = atOnce(rankPairs('q', ['d']));
  assert.throws(() => atOnce(estimate(list, { ...MODEL, hiddenSize: 0 }, PLAIN_ENCODING)), { code: 'internal' });
  assert.throws(() => atOnce(estimate(list, { ...MODEL, hiddenSize: Number.NaN }, PLAIN_ENCODING)), { code: 'internal' });
});
