import assert from 'node:assert/strict';
import { test } from 'node:test';
import { steadyPlan } from '../../../src/cli/rank/steady-plan.ts';
import type { PairBatch, Scorer } from '../../../src/protocol.ts';
import { Reranker } from '../../../src/rerank/reranker.ts';
import { DEFAULT_SCORING } from '../../../src/rerank/types.ts';
import { fakeSpec } from '../../helpers/model-spec.ts';
import { readyStatus } from '../../helpers/scorer-status.ts';

const DOCUMENTS = Array.from({ length: 400 }, (_, index) => `${index} ${'word '.repeat(1 + ((index * 7) % 40))}`);

test('batches depend on the texts, not on speed or number of workers', async () => {
  const slow = await batchesOf(800, 1, steadyPlan);
  assert.deepEqual(await batchesOf(90_000, 16, steadyPlan), slow);
  assert.ok(slow.length > 3 && slow.length < DOCUMENTS.length / 4, `${slow.length} batches`);
  assert.notDeepEqual(await batchesOf(90_000, 16, (scorer) => scorer), await batchesOf(800, 1, (scorer) => scorer));
});

/** What a scorer of this speed is given for one ranking. */
async function batchesOf(
  costPerSecond: number,
  workers: number,
  wrap: (scorer: Scorer) => Scorer,
): Promise<readonly PairBatch[]> {
  let given: readonly PairBatch[] = [];
  const scorer: Scorer = {
    spec: fakeSpec(),
    facts: {
      inputs: [],
      output: 'logits',
      numLabels: 1,
      flatOutput: false,
      specialTokens: 3,
      runtimeVersion: '',
      dtype: 'float32',
      packed: false,
    },
    costPerSecond: () => costPerSecond,
    status: () => readyStatus(workers),
    tokenize: () => Promise.reject(new Error('not used')),
    score: async (batches) => {
      given = batches;
      return batches.map(({ pairs }) => ({
        logits: new Float32Array(pairs.length / 2),
        numLabels: 1,
        tokenCounts: new Uint32Array(pairs.length / 2),
        truncated: new Uint8Array(pairs.length / 2),
        chunks: null,
        tokenizationMs: 0,
        inferenceMs: 0,
        tokenSlots: 0,
        runs: 1,
        queueMs: 0,
      }));
    },
    close: async () => {},
  };
  const request = { ...DEFAULT_SCORING, query: 'q', documents: DOCUMENTS, topK: null };
  await new Reranker(wrap(scorer)).rank(request, { id: 'x', deadlineMs: Number.POSITIVE_INFINITY, signal: null });
  return given;
}
