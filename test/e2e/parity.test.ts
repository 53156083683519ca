// The promise over HTTP: a client gets the scores and the order that sentence-transformers recorded for the same model.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oracleModel, oracleText, readOracle } from '../helpers/oracle.ts';
import { Crossrank } from './process.ts';

const TOLERANCE = 1e-5;

interface RankedText {
  readonly corpus_id: number;
  readonly score: number;
  readonly text?: string;
}

async function post<T>(url: string, body: unknown): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200);
  return (await response.json()) as T;
}

for (const family of ['bert', 'xlmr']) {
  test(`${family}: /rank, /predict and /rank_documents/ answer what the reference recorded`, async (t) => {
    const oracle = readOracle(family);
    const server = new Crossrank(t, ['serve', '--port', '0', '--workers', '2', '--model-id', oracleModel(family)]);
    const { url } = (await server.logLine('ready')) as { url: string };
    for (const { query, documents, topK, returnDocuments, activation, applySoftmax, prompt, results } of oracle.rank) {
      const body = {
        query: oracleText(oracle, query),
        documents: documents.map((index) => oracleText(oracle, index)),
        top_k: topK,
        return_documents: returnDocuments,
        activation_fn: activation ?? null,
        apply_softmax: applySoftmax ?? false,
        prompt: prompt ?? null,
      };
      const answer = await post<{ results: RankedText[] }>(`${url}/rank`, body);
      assertRanked(answer.results, results);
    }
    const [scored] = oracle.scores;
    const pairs = scored!.pairs.map(([a, b]) => [oracleText(oracle, a), oracleText(oracle, b)]);
    const predicted = await post<{ scores: number[] }>(`${url}/predict`, {
      pairs,
      activation_fn: 'identity',
      max_length: scored!.maxLength,
    });
    predicted.scores.forEach((score, index) => {
      const want = scored!.logits[index]![0]!;
      assert.ok(Math.abs(score - want) <= TOLERANCE * Math.max(1, Math.abs(want)), `pair ${index}: ${score} instead of ${want}`);
    });
    const whole = oracle.rank.find(
      ({ topK, prompt, activation }) => topK === null && prompt === undefined && activation === undefined,
    )!;
    const original = await post<{ ranked_documents: RankedText[] }>(`${url}/rank_documents/`, {
      query: oracleText(oracle, whole.query),
      documents: whole.documents.map((index) => oracleText(oracle, index)),
    });
    original.ranked_documents.forEach(({ score }, place) => {
      assert.equal(score, Number(score.toFixed(5)), 'five decimals');
      assert.ok(Math.abs(score - whole.results[place]!.score) <= 1.5e-5);
    });
  });
}

function assertRanked(actual: readonly RankedText[], expected: readonly RankedText[]): void {
  assert.equal(actual.length, expected.length);
  const reference = new Map(expected.map(({ corpus_id, score }) => [corpus_id, score]));
  actual.forEach(({ corpus_id, score, text }, place) => {
    const want = expected[place]!;
    assert.ok(Math.abs(score - want.score) <= TOLERANCE, `place ${place}: ${score} instead of ${want.score}`);
    assert.ok(Math.abs(reference.get(corpus_id)! - want.score) <= TOLERANCE, `place ${place}: document ${corpus_id}`);
    if (corpus_id === want.corpus_id) assert.equal(text, want.text);
  });
}
