// Cohere's dialect, v1 and v2: its own requests and answers, and what its SDKs send.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SCORING, type RankRequest } from '../../src/rerank/types.ts';
import { rankByScores, startTestServer } from './support.ts';

const QUERY = 'What is the capital of the United States?';

test('v1: the documented request gives the documented answer', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([0.1, 0.999071]) });
  const body = {
    model: 'rerank-english-v3.0',
    query: QUERY,
    documents: [{ text: 'Carson City is ...' }, { text: 'Washington, D.C. is ...' }],
    top_n: 1,
    return_documents: true,
  };
  for (const path of ['/cohere/v1/rerank', '/cohere/rerank']) {
    const reply = await server.post(path, body, { 'x-request-id': '8bc745a3' });
    assert.deepEqual(reply.body, {
      id: '8bc745a3',
      results: [{ document: { text: 'Washington, D.C. is ...' }, index: 1, relevance_score: 0.999071 }],
      meta: { api_version: { version: '1' }, billed_units: { search_units: 1 } },
    });
  }
});

test('v2: the documented request gives the documented answer', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([0.32713068, 0.1, 0.2, 0.999071, 0.7867867]) });
  const body = { model: 'rerank-v4.0-pro', query: QUERY, documents: ['a', 'b', 'c', 'd', 'e'], top_n: 3 };
  const reply = await server.post('/cohere/v2/rerank', body, { 'x-request-id': '07734bd2' });
  assert.deepEqual(reply.body, {
    id: '07734bd2',
    results: [
      { index: 3, relevance_score: 0.999071 },
      { index: 4, relevance_score: 0.7867867 },
      { index: 0, relevance_score: 0.32713068 },
    ],
    meta: { api_version: { version: '2', is_experimental: false }, billed_units: { search_units: 1 } },
  });
});

const VENDOR = { ...DEFAULT_SCORING, activation: 'sigmoid', tieBreak: 'logit' } as const;

test('fields reach the domain; explicit nulls, as its Python client sends them, are "not given"', async (t) => {
  const server = await startTestServer(t);
  const cases: readonly (readonly [path: string, fields: object, expected: Partial<RankRequest>])[] = [
    ['/cohere/v2/rerank', { max_tokens_per_doc: null, top_n: null, priority: null, model: null }, {}],
    ['/cohere/v2/rerank', { max_tokens_per_doc: 4096, priority: 5 }, { maxTokensPerDocument: 4096 }],
    ['/cohere/v1/rerank', { max_chunks_per_doc: 10 }, { longDocuments: 'chunk', maxChunksPerDocument: 10 }],
    ['/cohere/v1/rerank', { rank_fields: null, return_documents: null, max_chunks_per_doc: null }, {}],
    ['/cohere/v1/rerank', { top_n: 99, unknown: true }, { topK: 99 }],
    [
      '/cohere/v1/rerank',
      { documents: [{ title: 't', text: 'x', body: 'b' }], rank_fields: ['title', 'body'] },
      { documents: ['t\nb'] },
    ],
  ];
  for (const [path, fields, expected] of cases) {
    const reply = await server.post(path, { query: 'q', documents: ['a'], ...fields });
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    const sent = { query: 'q', documents: ['a'], topK: null, ...VENDOR, ...expected };
    assert.deepEqual(server.calls.at(-1)!.request, sent, JSON.stringify(fields));
  }
});

test('v1 returns documents as they were sent; v2 returns none', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([2, 1]) });
  const body = { query: 'q', documents: ['a', { title: 'b', n: 1 }], rank_fields: ['title'], return_documents: true };
  const v1 = await server.post('/cohere/v1/rerank', body);
  const documents = v1.body.results.map(({ document }: { document: unknown }) => document);
  assert.deepEqual(documents, [{ text: 'a' }, { title: 'b', n: 1 }]);
  const v2 = await server.post('/cohere/v2/rerank', { ...body, documents: ['a', { text: 'b' }] });
  assert.deepEqual(v2.body.results, [{ index: 0, relevance_score: 2 }, { index: 1, relevance_score: 1 }]); // biome-ignore format: golden
});

test('refusals in its words, 400', async (t) => {
  const server = await startTestServer(t, { flags: { 'max-client-batch-size': '2' } });
  const cases: readonly (readonly [body: unknown, message: string])[] = [
    [{ query: 'q', documents: [] }, 'list of documents must not be empty'],
    [{ query: ' \n', documents: ['a'] }, 'query must not be empty or be only whitespace'],
    [{ query: 'q', documents: ['a', ''] }, 'document at index 1 cannot be empty'],
    [{ query: 'q', documents: ['a'], top_n: 0 }, 'top_n must be at least 1'],
    [{ query: 'q', documents: ['a'], top_n: -1 }, 'top_n must be at least 1'],
    [{ query: 'q' }, 'documents is required'],
    [{ query: 'q', documents: [1, 2, 3] }, 'documents has 3 entries; this server takes at most 2'],
    [{ query: 'q', documents: [{ title: 'b' }] }, "documents[0] must be a string or an object with a string field 'text'"],
  ];
  for (const path of ['/cohere/v1/rerank', '/cohere/v2/rerank']) {
    for (const [body, message] of cases) {
      const reply = await server.post(path, body, { 'x-request-id': 'r' });
      assert.deepEqual([reply.status, reply.body], [400, { id: 'r', message: `invalid request: ${message}` }]);
    }
  }
});

test('warnings about shortened documents are in meta', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([2, 1], { truncated: [0, 1] }) });
  const { body } = await server.post('/cohere/v2/rerank', { query: 'q', documents: ['a', 'b'] });
  assert.deepEqual(body.meta.warnings, ["2 of 2 documents were shortened to fit the model's 512 tokens"]);
  assert.deepEqual(body.meta.truncated, [0, 1]);
});

test('GET /cohere/v1/models is in its form', async (t) => {
  const server = await startTestServer(t, { flags: { 'served-model-name': 'rerank-v3.5' } });
  const { body } = await server.send('/cohere/v1/models');
  assert.deepEqual(body, { models: [{ name: 'rerank-v3.5', endpoints: ['rerank'], finetuned: false, context_length: 512 }] });
});
