// Voyage's dialect: its own requests and answers, below its prefix and wherever `top_k` comes without `top_n`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SCORING } from '../../src/rerank/types.ts';
import { rankByScores, startTestServer } from './support.ts';

const SAMPLE = { query: 'Sample query', documents: ['Sample document 1', 'Sample document 2'], model: 'rerank-2.5' };

test('the documented request gives the documented answer', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([0.4375, 0.421875], { totalTokens: 26 }) });
  const data = [{ index: 0, relevance_score: 0.4375 }, { index: 1, relevance_score: 0.421875 }]; // biome-ignore format: golden
  for (const path of ['/voyage/v1/rerank', '/voyage/rerank', '/v1/rerank', '/rerank']) {
    for (const topK of [2, null, 10]) {
      const reply = await server.post(path, { ...SAMPLE, top_k: topK, truncation: true, return_documents: null });
      assert.deepEqual(reply.body, { object: 'list', data, model: 'fake', usage: { total_tokens: 26 } }, path);
    }
  }
  const returned = await server.post('/voyage/v1/rerank', { ...SAMPLE, return_documents: true });
  assert.deepEqual(returned.body.data[1], { index: 1, relevance_score: 0.421875, document: 'Sample document 2' });
  const request = { query: SAMPLE.query, documents: SAMPLE.documents, topK: null };
  assert.deepEqual(server.calls.at(-1)!.request, { ...request, ...DEFAULT_SCORING, activation: 'sigmoid', tieBreak: 'logit' });
});

test('refusals are 400 with detail', async (t) => {
  const server = await startTestServer(t);
  const cases: readonly (readonly [body: unknown, detail: string])[] = [
    [{ ...SAMPLE, documents: [] }, 'documents must not be empty'],
    [{ ...SAMPLE, top_k: 0 }, 'top_k must be at least 1'],
    [{ ...SAMPLE, top_k: -1 }, 'top_k must be at least 1'],
    [{ documents: ['a'] }, 'query is required'],
    [{ ...SAMPLE, truncation: false }, 'inputs must have at most 512 tokens unless truncation is on; too long: index 0'],
  ];
  for (const [body, detail] of cases) {
    const reply = await server.post('/voyage/v1/rerank', body);
    assert.deepEqual([reply.status, reply.body], [400, { detail }]);
  }
  assert.equal((await server.post('/voyage/v1/rerank', { ...SAMPLE, query: ' ' })).status, 200);
});
