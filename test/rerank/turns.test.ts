// The main thread is never kept by one call: what it does is counted in turns of the event loop.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BatchScores, PairBatch, Scorer, TextBatch } from '../../src/protocol.ts';
import { DEFAULT_RERANKER_OPTIONS, Reranker } from '../../src/rerank/reranker.ts';
import { inTurns, SharedTurns, TURN_CHARACTERS } from '../../src/rerank/turns.ts';
import { type CallContext, DEFAULT_SCORING } from '../../src/rerank/types.ts';
import { fakeSpec } from '../helpers/model-spec.ts';
import { readyStatus } from '../helpers/scorer-status.ts';

const CONTEXT: CallContext = { id: 'c', deadlineMs: Number.POSITIVE_INFINITY, signal: null };

/** Gives every pair 0. */
function scoresOf({ pairs }: PairBatch): BatchScores {
  const count = pairs.length / 2;
  return {
    logits: new Float32Array(count),
    numLabels: 1,
    tokenCounts: new Uint32Array(count),
    truncated: new Uint8Array(count),
    chunks: null,
    tokenizationMs: 0,
    inferenceMs: 0,
    tokenSlots: 0,
    runs: 1,
  };
}

class InstantScorer implements Scorer {
  readonly spec = fakeSpec();
  readonly batches: (PairBatch | TextBatch)[] = [];
  readonly facts = {
    inputs: [],
    output: 'logits',
    numLabels: 1,
    flatOutput: false,
    specialTokens: 3,
    runtimeVersion: '',
    dtype: 'float32',
    packed: false,
  } as const;

  costPerSecond = () => 10_000;
  status = () => readyStatus(2);
  close = async () => {};

  async score(batches: readonly PairBatch[]) {
    for (const batch of batches) this.batches.push(batch);
    return batches.map((batch) => ({ ...scoresOf(batch), queueMs: 0 }));
  }

  async tokenize(batches: readonly TextBatch[]) {
    for (const batch of batches) this.batches.push(batch);
    return batches.map(() => ({ tokens: [], tokenizationMs: 0, queueMs: 0 }));
  }
}

/** Turns a call takes. */
async function turnsOf(call: (reranker: Reranker) => Promise<unknown>): Promise<number> {
  let turns = 0;
  const turn = async () => {
    turns += 1;
  };
  await call(new Reranker(new InstantScorer(), { ...DEFAULT_RERANKER_OPTIONS, turn }));
  return turns;
}

const ranking =
  (query: string, documents: readonly string[], changes = {}) =>
  (reranker: Reranker) =>
    reranker.rank({ ...DEFAULT_SCORING, query, documents, topK: 10, ...changes }, CONTEXT);

test('an ordinary call waits for nobody', async () => {
  const documents = Array.from({ length: 1000 }, (_, i) => `${i} ${'word '.repeat(100)}`);
  assert.equal(await turnsOf(ranking('q', documents)), 0);
});

test('a hundred thousand documents give way, on the way in and on the way out', async () => {
  const documents = Array.from({ length: 100_000 }, (_, i) => `${i}`);
  const turns = await turnsOf(ranking('q', documents));
  assert.ok(turns >= 8 && turns <= 20, `${turns} turns`);
  const pairs = documents.map((text) => [text, text] as const);
  const paired = await turnsOf((reranker) => reranker.predict({ ...DEFAULT_SCORING, pairs }, CONTEXT));
  assert.ok(paired > turns && paired <= 25, `${paired} turns`);
});

test('33 million characters give way where all of them are looked at', async () => {
  const text = 'word '.repeat(6_600_000);
  const chunked = { longDocuments: 'chunk' };
  assert.ok((await turnsOf(ranking('q', [text], chunked))) >= 7, 'one document');
  const equal = Array.from({ length: 330 }, (_, i) => `${String(i).padStart(3)}${text.slice(0, 99_997)}`);
  const turns = await turnsOf(ranking('q', equal));
  assert.ok(turns >= 7, `${turns} turns for digests`);
  const tokenized = await turnsOf((reranker) =>
    reranker.tokenize({ texts: [text], addSpecialTokens: false, promptName: null }, CONTEXT),
  );
  assert.ok(tokenized >= 7, `${tokenized} turns`);
  assert.equal(await turnsOf(ranking('q', [text])), 0, 'a limit leaves nearly all of it unread');
});

test('a prompt of a megabyte is sent beside ten thousand queries, not before each', async () => {
  const scorer = new InstantScorer();
  const prompt = 'p'.repeat(1_000_000);
  const pairs = Array.from({ length: 10_000 }, (_, i) => [`q${i}`, `d${i}`] as const);
  await new Reranker(scorer).predict({ ...DEFAULT_SCORING, prompt, pairs }, CONTEXT);
  assert.ok(scorer.batches.length > 10);
  for (const batch of scorer.batches) {
    assert.equal(batch.prompt, prompt);
    assert.ok('queries' in batch && batch.queries.every((query) => query.length < 10));
  }
});

test('a caller that leaves while his call is planned ends the planning', async () => {
  const leaving = new AbortController();
  const scorer = new InstantScorer();
  const turn = async () => leaving.abort();
  const reranker = new Reranker(scorer, { ...DEFAULT_RERANKER_OPTIONS, turn });
  const documents = Array.from({ length: 100_000 }, (_, i) => `${i}`);
  const call = reranker.rank({ ...DEFAULT_SCORING, query: 'q', documents, topK: null }, { ...CONTEXT, signal: leaving.signal });
  await assert.rejects(call, { code: 'cancelled' });
  assert.equal(scorer.batches.length, 0);
});

test('of many long calls one goes on in each round of the event loop', async () => {
  const turns = new SharedTurns();
  const pieces: number[] = [];
  function* work(): Generator<number, void, void> {
    for (let i = 0; i < 3; i += 1) {
      pieces.push(round);
      yield TURN_CHARACTERS;
    }
  }
  let round = 0;
  let isOver = false;
  const count = (): void => {
    round += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(Array.from({ length: 5 }, () => inTurns(work(), turns.next)));
  isOver = true;
  const later = pieces.filter((each) => each > 0);
  assert.equal(later.length, 10);
  assert.equal(new Set(later).size, 10, `pieces in rounds ${pieces}`);
});
