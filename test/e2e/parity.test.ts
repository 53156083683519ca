// The promise over HTTP: a client gets the scores and the order that sentence-transformers recorded for the same model.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkedUrl } from '../helpers/checked-front.ts';
import { assertRanking, type OracleRanked, oracleModel, oracleText, readOracle } from '../helpers/oracle.ts';
import { Crossrank } from './process.ts';

const LOGIT_TOLERANCE = 1e-5; // relative to the larger of 1 and the value

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
    const { url: address } = await server.logLine('ready');
    const url = await checkedUrl(t, String(address), []);
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
      const answer = await post<{ results: OracleRanked[] }>(`${url}/rank`, body);
      assertRanking(answer.results, results);
      const texts = answer.results.map(({ corpus_id }) => (returnDocuments ? body.documents[corpus_id] : undefined));
      assert.deepEqual(
        answer.results.map(({ text }) => text),
        texts,
      );
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
      assert.ok(
        Math.abs(score - want) <= LOGIT_TOLERANCE * Math.max(1, Math.abs(want)),
        `pair ${index}: ${score} instead of ${want}`,
      );
    });
    const whole = oracle.rank.find(
      ({ topK, prompt, activation }) => topK === null && prompt === undefined && activation === undefined,
    )!;
    const original = await post<{ ranked_documents: OracleRanked[] }>(`${url}/rank_documents/`, {
      query: oracleText(oracle, whole.query),
      documents: whole.documents.map((index) => oracleText(oracle, index)),
    });
    original.ranked_documents.forEach(({ score }, place) => {
      assert.equal(score, Number(score.toFixed(5)), 'five decimals');
      assert.ok(Math.abs(score - whole.results[place]!.score) <= 1.5e-5);
    });
  });
}
