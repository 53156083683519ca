// Replays what sentence-transformers recorded, through the whole engine: files -> pool -> tokenizer -> session -> scores -> order.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CrossEncoder, type Pair, RerankError } from '../../src/index.ts';
import {
  assertRanking,
  type Oracle,
  oracleFamilies,
  oracleModel,
  oracleText,
  readOracle,
  SCORE_TOLERANCE,
} from '../helpers/oracle.ts';

/** Logits, relative to the larger of 1 and the value. */
const LOGIT_TOLERANCE = 1e-5;
/** Between batches: what the runtime's kernels differ by on other shapes. */
const BATCH_TOLERANCE = 5e-6;

/** At least these must be recorded; a missing fixture must not pass silently. */
const REQUIRED_FAMILIES = [
  'albert',
  'bert',
  'deberta-v2',
  'distilbert',
  'electra',
  'external-data',
  'identity-activation',
  'modernbert',
  'mpnet',
  'nli-3label',
  'pair-template',
  'roberta',
  'xlmr',
];

const OUR_ACTIVATIONS = /^(default|sigmoid|identity|tanh|softmax)$|\.(Sigmoid|Identity|Tanh|Softmax)$/;

test('every required family is recorded', () => {
  const families = oracleFamilies();
  assert.deepEqual(
    REQUIRED_FAMILIES.filter((family) => !families.includes(family)),
    [],
  );
});

function assertClose(actual: ArrayLike<number>, expected: readonly number[], tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, what);
  expected.forEach((value, index) => {
    const allowed = tolerance * Math.max(1, Math.abs(value));
    assert.ok(Math.abs(actual[index]! - value) <= allowed, `${what}[${index}]: ${actual[index]} instead of ${value}`);
  });
}

function pairsOf(oracle: Oracle, pairs: readonly (readonly [number, number])[]): Pair[] {
  return pairs.map(([a, b]) => [oracleText(oracle, a), oracleText(oracle, b)] as const);
}

for (const family of oracleFamilies()) {
  describe(family, () => {
    const oracle = readOracle(family);

    test('facts of the model', async () => {
      await using model = await CrossEncoder.load(oracleModel(family), { workers: 1 });
      assert.equal(model.maxLength, oracle.facts.usableMaxLength);
      assert.equal(model.numLabels, oracle.facts.numLabels);
      assert.equal(model.activationFn, oracle.facts.activation.split('.').at(-1)!.toLowerCase());
    });

    test('logits, whatever the batch, the split or the order', async () => {
      await using model = await CrossEncoder.load(oracleModel(family), { workers: 2 });
      for (const { pairs, logits, maxLength } of oracle.scores) {
        const list = pairsOf(oracle, pairs);
        const options = { activationFn: 'identity', maxLength };
        const scores = await model.predict(list, options);
        assertClose(scores, logits.flat(), LOGIT_TOLERANCE, 'logits');
        const alone = await model.predict(list, { ...options, batchSize: 1 });
        assertClose(alone, Array.from(scores), BATCH_TOLERANCE, 'one pair a batch');
        const backwards = await model.predict([...list].reverse(), { ...options, batchSize: 7, numWorkers: 1 });
        const rows = Array.from({ length: list.length }, (_, i) => {
          const row = list.length - 1 - i;
          return Array.from(backwards.subarray(row * model.numLabels, (row + 1) * model.numLabels));
        });
        assertClose(rows.flat(), Array.from(scores), BATCH_TOLERANCE, 'reversed');
      }
    });

    test('scores under every activation', async () => {
      await using model = await CrossEncoder.load(oracleModel(family), { workers: 1 });
      for (const { activation, applySoftmax, pairs, scores } of oracle.activations) {
        // Without a label axis torch normalises over the batch: the reference's scores depend on the neighbours, ours do not.
        if (oracle.facts.outputShape.length === 1 && activation === 'softmax') continue;
        const activationFn = activation === 'default' ? null : activation;
        const call = model.predict(pairsOf(oracle, pairs), { activationFn, applySoftmax });
        if (OUR_ACTIVATIONS.test(activation)) assertClose(await call, scores.flat() as number[], SCORE_TOLERANCE, activation);
        else await assert.rejects(call, /unknown activation/);
      }
    });

    test('rank: order, top_k, ties, texts, prompts', async () => {
      await using model = await CrossEncoder.load(oracleModel(family), { workers: 2 });
      for (const expected of oracle.rank) {
        const documents = expected.documents.map((index) => oracleText(oracle, index));
        const { topK, returnDocuments, activation, applySoftmax, prompt, promptName, batchSize } = expected;
        const ranked = await model.rank(oracleText(oracle, expected.query), documents, {
          topK,
          returnDocuments,
          activationFn: activation ?? null,
          applySoftmax: applySoftmax ?? false,
          prompt: prompt ?? null,
          promptName: promptName ?? null,
          ...(batchSize === undefined ? {} : { batchSize }),
        });
        assertRanking(
          ranked.map(({ corpusId, score }) => ({ corpus_id: corpusId, score })),
          expected.results,
        );
        for (const { corpusId, text } of ranked) assert.equal(text, returnDocuments ? documents[corpusId] : undefined);
      }
    });

    test('errors carry the original messages', async () => {
      await using model = await CrossEncoder.load(oracleModel(family), { workers: 1 });
      for (const { case: name, call, message } of oracle.errors) {
        // The reference runs past RoBERTa's position table and fails inside the graph; we truncate to what the table holds.
        if (name === 'overrun') continue;
        const failing = name.startsWith('rank') ? model.rank('a', ['b'], call) : model.predict([['a', 'b']], call);
        await assert.rejects(
          failing,
          (error: unknown) => error instanceof RerankError && error.message === message,
          `${name}: ${message}`,
        );
      }
    });
  });
}
