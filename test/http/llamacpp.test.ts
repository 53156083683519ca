// llama.cpp's dialect: logits, its two shapes chosen by the body, its messages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SCORING } from '../../src/rerank/types.ts';
import { rankByScores, startTestServer } from './support.ts';

const MACHINE = {
  model: 'jina-reranker',
  query: 'Machine learning is',
  documents: ['A machine is a physical system', 'Learning is the process'],
  top_n: 1,
};

const PATHS = ['/llamacpp/rerank', '/llamacpp/reranking', '/llamacpp/v1/rerank', '/llamacpp/v1/reranking'];

test('the documented request gives the documented answer, by logits', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([-3, 7.7412]) });
  for (const path of PATHS) {
    const reply = await server.post(path, MACHINE);
    assert.deepEqual(reply.body, {
      model: 'jina-reranker',
      object: 'list',
      usage: { prompt_tokens: 42, total_tokens: 42 },
      results: [{ index: 1, relevance_score: 7.7412 }],
    });
    const request = { query: MACHINE.query, documents: MACHINE.documents, topK: 1 };
    assert.deepEqual(server.calls.at(-1)!.request, { ...request, ...DEFAULT_SCORING, activation: 'identity', tieBreak: 'logit' });
  }
  assert.deepEqual((await server.post(PATHS[0]!, { ...MACHINE, top_n: 0 })).body.results, []);
  assert.equal((await server.post(PATHS[0]!, { ...MACHINE, top_n: 9, model: null })).body.model, 'fake');
});

test('texts are answered as a bare array, with top_n', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([-3, 7.5]) });
  const body = { query: 'q', texts: ['a', 'b'], return_text: null };
  for (const path of PATHS) {
    const all = [{ index: 1, score: 7.5 }, { index: 0, score: -3 }]; // biome-ignore format: golden
    assert.deepEqual((await server.post(path, body)).body, all);
    const first = [{ index: 1, text: 'b', score: 7.5 }];
    assert.deepEqual((await server.post(path, { ...body, return_text: true, top_n: 1 })).body, first);
  }
});

test('refusals in its words', async (t) => {
  const server = await startTestServer(t);
  const list = '"documents" must be a non-empty string array';
  const cases: readonly (readonly [body: unknown, message: string])[] = [
    [{ documents: ['a'] }, '"query" must be provided'],
    [{ query: 3, documents: ['a'] }, '"query" must be a string'],
    [{ query: 'q' }, list],
    [{ query: 'q', documents: [] }, list],
    [{ query: 'q', texts: [] }, list],
    [{ query: 'q', documents: [3] }, list],
    [{ query: 'q', documents: ['a'], top_n: -1 }, 'top_n must be at least 0'],
  ];
  for (const [body, message] of cases) {
    const reply = await server.post('/llamacpp/v1/rerank', body);
    assert.deepEqual([reply.status, reply.body], [400, { error: { code: 400, message, type: 'invalid_request_error' } }]);
  }
});
