import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RerankError } from '../../src/errors.ts';
import type {
  ModelSpec,
  PairBatch,
  ScoredBatch,
  Scorer,
  ScorerStatus,
  SessionFacts,
  TextBatch,
  Ticket,
  TokenizedBatch,
} from '../../src/protocol.ts';
import { DEFAULT_RERANKER_OPTIONS, Reranker } from '../../src/rerank/reranker.ts';
import { type CallContext, DEFAULT_SCORING } from '../../src/rerank/types.ts';
import { fakeSpec } from '../helpers/model-spec.ts';
import { readyStatus } from '../helpers/scorer-status.ts';

const CONTEXT: CallContext = { id: 'c', deadlineMs: Number.POSITIVE_INFINITY, signal: null };

/** Scores `N` as the number a document ends with, for every label. */
class FakeScorer implements Scorer {
  readonly spec: ModelSpec;
  readonly facts: SessionFacts;
  readonly tickets: Ticket[] = [];
  readonly queries = new Set<string>();
  readonly textBatches: TextBatch[] = [];
  outstandingCost = 0;
  quickCost = 0;

  constructor(spec: Partial<ModelSpec> = {}, numLabels = 1) {
    this.spec = fakeSpec(spec);
    this.facts = {
      inputs: [],
      output: 'logits',
      numLabels,
      flatOutput: false,
      specialTokens: 3,
      runtimeVersion: 'none',
      dtype: 'float32',
      packed: false,
    };
  }

  costPerSecond(): number {
    return 2000;
  }

  status(): ScorerStatus {
    return { ...readyStatus(2), outstandingCost: this.outstandingCost, quickCost: this.quickCost };
  }

  async score(batches: readonly PairBatch[], ticket: Ticket): Promise<ScoredBatch[]> {
    this.tickets.push(ticket);
    return batches.map((batch) => this.#scoreBatch(batch));
  }

  /** Every text is one token, its length the id. */
  async tokenize(batches: readonly TextBatch[], ticket: Ticket): Promise<TokenizedBatch[]> {
    this.tickets.push(ticket);
    this.textBatches.push(...batches);
    return batches.map(({ prompt, texts }) => ({
      tokens: texts.map((text) => ({
        ids: Int32Array.of(text.length),
        starts: Int32Array.of(0),
        stops: Int32Array.of(text.length),
        texts: [prompt + text],
      })),
      tokenizationMs: 1,
      queueMs: 0.5,
    }));
  }

  async close(): Promise<void> {}

  #scoreBatch(batch: PairBatch): ScoredBatch {
    for (const query of batch.queries) this.queries.add(`${batch.prompt}|${query}`);
    const count = batch.pairs.length / 2;
    const { numLabels } = this.facts;
    const logits = new Float32Array(count * numLabels);
    for (let i = 0; i < logits.length; i += 1) {
      const document = batch.documents[batch.pairs[2 * Math.floor(i / numLabels) + 1]!]!;
      logits[i] = Number(document.split(' ').at(-1)) + (i % numLabels);
    }
    return {
      logits,
      numLabels,
      tokenCounts: new Uint32Array(count).fill(5),
      truncated: Uint8Array.from(batch.documents, (document) => (document!.startsWith('long') ? 1 : 0)),
      chunks: null,
      tokenizationMs: 1,
      inferenceMs: 2,
      tokenSlots: 5 * count,
      runs: 1,
      queueMs: 0.5,
    };
  }
}

function rankRequest(documents: readonly string[], overrides: object = {}) {
  return { ...DEFAULT_SCORING, query: 'q', documents, topK: null, ...overrides };
}

test('rank orders, activates with the model’s own activation, and reports what produced the scores', async () => {
  const scorer = new FakeScorer({ activation: 'sigmoid', id: 'org/model' });
  const result = await new Reranker(scorer).rank(rankRequest(['doc -1', 'long 2', 'doc 0']), CONTEXT);
  assert.deepEqual(
    result.results.map(({ index, logit }) => [index, logit]),
    [
      [1, 2],
      [2, 0],
      [0, -1],
    ],
  );
  assert.equal(result.results[1]!.score, 0.5);
  assert.equal(result.model, 'org/model');
  assert.equal(result.activation, 'sigmoid');
  assert.deepEqual(result.truncated, [1]);
  assert.equal(result.totalTokens, 15);
  assert.ok(result.timing.totalMs >= 0 && result.timing.queueMs === 0.5);
});

test('a call’s activation wins over the model’s', async () => {
  const result = await new Reranker(new FakeScorer()).rank(rankRequest(['doc 3'], { activation: 'identity' }), CONTEXT);
  assert.equal(result.results[0]!.score, 3);
  assert.equal(result.activation, 'identity');
});

test('rank on several labels fails with the original’s message, predict gives rows', async () => {
  const reranker = new Reranker(new FakeScorer({ labels: ['a', 'b', 'c'], activation: 'identity' }, 3));
  await assert.rejects(
    reranker.rank(rankRequest(['doc 1']), CONTEXT),
    (error: unknown) =>
      error instanceof RerankError &&
      error.code === 'validation' &&
      error.message ===
        'CrossEncoder.rank() only works for models with num_labels=1. Consider using CrossEncoder.predict() with input pairs instead.',
  );
  const pairs = [
    ['q', 'doc 1'],
    ['q', 'doc 5'],
  ] as const;
  const result = await reranker.predict({ ...DEFAULT_SCORING, pairs }, CONTEXT);
  assert.deepEqual(Array.from(result.scores), [1, 2, 3, 5, 6, 7]);
  assert.equal(result.numLabels, 3);
});

test('the prompt goes to the workers beside the queries, in rank and predict', async () => {
  const scorer = new FakeScorer({ prompts: { web: 'W: ' }, defaultPromptName: 'web' });
  const reranker = new Reranker(scorer);
  await reranker.rank(rankRequest(['doc 1']), CONTEXT);
  await reranker.predict({ ...DEFAULT_SCORING, pairs: [['p', 'doc 1']], prompt: 'X: ' }, CONTEXT);
  assert.deepEqual([...scorer.queries], ['W: |q', 'X: |p']);
});

test('ties go to the higher logit when the call asks for it', async () => {
  const documents = ['doc 50', 'doc 60', 'doc 70'];
  const order = async (tieBreak: 'index' | 'logit'): Promise<number[]> => {
    const reranker = new Reranker(new FakeScorer({ activation: 'sigmoid' }));
    const { results } = await reranker.rank(rankRequest(documents, { tieBreak }), CONTEXT);
    return results.map(({ index }) => index);
  };
  assert.deepEqual(
    [await order('index'), await order('logit')],
    [
      [0, 1, 2],
      [2, 1, 0],
    ],
  );
});

test('chunks are refused on several labels before anything is scored', async () => {
  const scorer = new FakeScorer({ labels: ['a', 'b'], activation: 'identity' }, 2);
  const request = { ...DEFAULT_SCORING, pairs: [['q', 'doc 1']] as const, longDocuments: 'chunk' as const };
  await assert.rejects(new Reranker(scorer).predict(request, CONTEXT), { code: 'validation', field: 'long_documents' });
  assert.equal(scorer.tickets.length, 0);
});

test('a full machine refuses a long document in chunks that it would take cut', async () => {
  const documents = [`${'word '.repeat(100_000)} 1`];
  const scorer = new FakeScorer();
  scorer.outstandingCost = 1000;
  const reranker = new Reranker(scorer, { ...DEFAULT_RERANKER_OPTIONS, maxQueueSeconds: 2 });
  assert.equal((await reranker.rank(rankRequest(documents), CONTEXT)).results.length, 1);
  await assert.rejects(reranker.rank(rankRequest(documents, { longDocuments: 'chunk' }), CONTEXT), { code: 'too_costly' });
});

test('num_workers reaches the ticket, deadline, urgency and signal too', async () => {
  const scorer = new FakeScorer();
  const signal = new AbortController().signal;
  await new Reranker(scorer).rank(rankRequest(['doc 1'], { numWorkers: 1 }), { id: 'x', deadlineMs: 1e9, urgency: 5, signal });
  assert.equal(scorer.tickets[0]!.maxWorkers, 1);
  assert.equal(scorer.tickets[0]!.deadlineMs, 1e9);
  assert.equal(scorer.tickets[0]!.urgency, 5);
  assert.equal(scorer.tickets[0]!.signal, signal);
});

test('batch_size below one fails as the original does', async () => {
  await assert.rejects(
    new Reranker(new FakeScorer()).rank(rankRequest(['doc 1'], { batchSize: 0 }), CONTEXT),
    (error: unknown) => error instanceof RerankError && error.code === 'validation' && error.field === 'batch_size',
  );
});

test('a NaN is blamed on its document in the order of the request', async () => {
  await assert.rejects(new Reranker(new FakeScorer()).rank(rankRequest(['doc 1', 'doc 2', 'doc x']), CONTEXT), /document 2/);
});

test('a full machine refuses before scoring', async () => {
  const scorer = new FakeScorer();
  scorer.outstandingCost = 1e6;
  scorer.quickCost = 1e6;
  const reranker = new Reranker(scorer, { ...DEFAULT_RERANKER_OPTIONS, maxQueueSeconds: 1 });
  await assert.rejects(
    reranker.rank(rankRequest(['doc 1']), CONTEXT),
    (error: unknown) => error instanceof RerankError && error.code === 'overloaded' && (error.retryAfterSeconds ?? 0) >= 1,
  );
  assert.equal(scorer.tickets.length, 0);
});

test('no documents: an empty ranking', async () => {
  const result = await new Reranker(new FakeScorer()).rank(rankRequest([]), CONTEXT);
  assert.deepEqual(result.results, []);
  assert.equal(result.totalTokens, 0);
});

test('progress counts distinct pairs', async () => {
  const scorer = new FakeScorer();
  const seen: (readonly [number, number])[] = [];
  const original = scorer.score.bind(scorer);
  scorer.score = async (batches, ticket) => {
    const scored = await original(batches, ticket);
    for (const batch of scored) ticket.onBatch?.(batch);
    return scored;
  };
  await new Reranker(scorer).rank(rankRequest(['doc 1', 'doc 2', 'doc 1']), {
    ...CONTEXT,
    onProgress: (done, total) => seen.push([done, total]),
  });
  assert.deepEqual(seen.at(-1), [2, 2]);
});

test('texts are tokenised in batches of bounded work, in their order, behind the same door', async () => {
  const scorer = new FakeScorer({ prompts: { query: 'q: ' } });
  const reranker = new Reranker(scorer, { ...DEFAULT_RERANKER_OPTIONS, maxQueueSeconds: 1 });
  const texts = Array.from({ length: 30 }, (_, index) => 'x'.repeat(4000 + index));
  const request = { texts, addSpecialTokens: false, promptName: null };
  const result = await reranker.tokenize(request, CONTEXT);
  assert.deepEqual(
    result.texts.map(({ ids }) => ids[0]),
    texts.map(({ length }) => length),
  );
  assert.ok(scorer.textBatches.length > 4 && scorer.textBatches.length < 30, `${scorer.textBatches.length} batches`);
  assert.ok(scorer.textBatches.every(({ addSpecialTokens, cost }) => !addSpecialTokens && cost <= 2000 * 0.05));
  assert.equal(scorer.tickets.at(-1)!.deadlineMs, CONTEXT.deadlineMs);
  const named = await reranker.tokenize({ texts: ['a'], addSpecialTokens: true, promptName: 'query' }, CONTEXT);
  assert.deepEqual(named.texts[0]!.texts, ['q: a']);
  await assert.rejects(reranker.tokenize({ ...request, promptName: 'none' }, CONTEXT), { code: 'validation' });
  scorer.outstandingCost = 1e9;
  scorer.quickCost = 1e9;
  await assert.rejects(reranker.tokenize(request, CONTEXT), { code: 'overloaded' });
});

test('a text alone reaches the scorer alone, apart from the same text beside an empty one', async () => {
  const scorer = new FakeScorer();
  const batches: PairBatch[] = [];
  scorer.score = async (given) => {
    batches.push(...given);
    return given.map(({ pairs }) => ({
      logits: Float32Array.from({ length: pairs.length / 2 }, (_, i) => i),
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
  };
  await new Reranker(scorer).predict({ ...DEFAULT_SCORING, pairs: [['a', null], ['a', ''], ['a', null]] }, CONTEXT); // biome-ignore format: pairs
  const sent = batches.flatMap(({ pairs, documents }) =>
    Array.from({ length: pairs.length / 2 }, (_, i) => documents[pairs[2 * i + 1]!]),
  );
  assert.deepEqual(sent.toSorted(), ['', null], 'duplicates once');
});
