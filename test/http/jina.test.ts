// Jina's dialect: its own requests and answers, documents returned by default, its error codes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SCORING, type RankRequest } from '../../src/rerank/types.ts';
import { rankByScores, startTestServer } from './support.ts';

const SKIN = {
  model: 'jina-reranker-v2-base-multilingual',
  query: 'Organic skincare products for sensitive skin',
  top_n: 1,
  documents: ['Organic skincare for sensitive skin ...', { text: 'New makeup trends ...' }],
};

test('the documented request gives the documented answer; documents come back unless refused', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([0.8783142566680908, 0.1], { totalTokens: 815 }) });
  const result = { index: 0, relevance_score: 0.8783142566680908 };
  const answer = (results: object[]) => ({ model: 'fake', object: 'list', usage: { total_tokens: 815 }, results });
  const document = { text: 'Organic skincare for sensitive skin ...' };
  for (const path of ['/jina/v1/rerank', '/jina/rerank']) {
    for (const returned of [true, null, undefined]) {
      const reply = await server.post(path, { ...SKIN, return_documents: returned });
      assert.deepEqual(reply.body, answer([{ ...result, document }]));
    }
    assert.deepEqual((await server.post(path, { ...SKIN, return_documents: false })).body, answer([result]));
  }
});

test('fields reach the domain', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([1]) });
  const cases: readonly (readonly [fields: object, expected: Partial<RankRequest>])[] = [
    [{ top_n: null, truncation: null, max_doc_length: null, return_embeddings: null, model: null }, {}],
    [{ max_doc_length: 1024, truncation: true, return_embeddings: false }, { maxTokensPerDocument: 1024 }],
    [{ long_documents: 'chunk' }, { longDocuments: 'chunk', maxChunksPerDocument: 100 }],
    [{ top_n: 7, unknown: 1 }, { topK: 7 }],
  ];
  for (const [fields, expected] of cases) {
    const reply = await server.post('/jina/v1/rerank', { query: '', documents: ['a'], ...fields });
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    const vendor = { ...DEFAULT_SCORING, activation: 'sigmoid', tieBreak: 'logit' };
    assert.deepEqual(server.calls.at(-1)!.request, { query: '', documents: ['a'], topK: null, ...vendor, ...expected });
  }
});

test('problems of the body are 422 with a list', async (t) => {
  const server = await startTestServer(t);
  const cases: readonly (readonly [body: unknown, field: string, message: string])[] = [
    [{ query: 'q', documents: [] }, 'documents', 'must not be empty'],
    [{ query: 'q', documents: ['a'], top_n: 0 }, 'top_n', 'must be at least 1'],
    [{ query: 'q', documents: ['a'], top_n: -2 }, 'top_n', 'must be at least 1'],
    [
      { query: 'q', documents: [{ image: 'https://x' }] },
      'documents[0]',
      "must be a string or an object with a string field 'text'",
    ],
    [{ query: { text: 'q' }, documents: ['a'] }, 'query', 'must be a string'],
    [{ query: 'q', documents: ['a'], return_embeddings: true }, 'return_embeddings', 'is not supported'],
  ];
  for (const [body, field, message] of cases) {
    const reply = await server.post('/jina/v1/rerank', body, { 'x-request-id': 'r' });
    assert.equal(reply.status, 422);
    assert.equal(reply.body.detail, `[RID: r] Validation error: ${field} ${message}`);
    const [{ type, ...problem }] = reply.body.errors;
    assert.deepEqual([problem, typeof type, reply.body.request_id], [{ field, message }, 'string', 'r']);
  }
});
