// The superset answer: one body that Cohere's, Jina's, vLLM's and llama.cpp's clients all read, on every path they share.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SCORING, type RankRequest } from '../../src/rerank/types.ts';
import { rankByScores, startTestServer } from './support.ts';

const FRANCE = {
  model: 'any',
  query: 'What is the capital of France?',
  documents: ['The capital of Brazil is Brasilia.', { text: 'The capital of France is Paris.', source: 7 }],
};

test('the answer has the fields of all four families, on every shared path', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([0.25, 0.75]) });
  for (const path of ['/rerank', '/reranking', '/v1/rerank', '/v1/reranking', '/v2/rerank', '/invocations', '/V1/Rerank/']) {
    const reply = await server.post(path, FRANCE, { 'x-request-id': 'r' });
    const version = path === '/v2/rerank' ? { version: '2', is_experimental: false } : { version: '1' };
    assert.deepEqual(
      [reply.status, reply.body],
      [
        200,
        {
          id: 'r',
          object: 'list',
          model: 'fake',
          usage: { prompt_tokens: 42, total_tokens: 42 },
          results: [
            { index: 1, relevance_score: 0.75 },
            { index: 0, relevance_score: 0.25 },
          ],
          meta: { api_version: version, billed_units: { search_units: 1 } },
        },
      ],
      path,
    );
  }
});

test('documents come back when asked, as objects', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([0.25, 0.75]) });
  const reply = await server.post('/v1/rerank', { ...FRANCE, return_documents: true, top_n: 5 });
  assert.deepEqual(reply.body.results, [
    { index: 1, relevance_score: 0.75, document: { text: 'The capital of France is Paris.', source: 7 } },
    { index: 0, relevance_score: 0.25, document: { text: 'The capital of Brazil is Brasilia.' } },
  ]);
});

test('shortened and chunked documents are reported in meta and in a header', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([0.25, 0.75], { truncated: [1], chunks: [1, 4] }) });
  const reply = await server.post('/v1/rerank', FRANCE);
  assert.deepEqual(reply.body.meta, {
    api_version: { version: '1' },
    billed_units: { search_units: 1 },
    warnings: ["1 of 2 documents were shortened to fit the model's 512 tokens"],
    truncated: [1],
    chunks: [1, 4],
  });
  assert.equal(reply.headers.get('x-truncated'), '1');
});

const VENDOR = { ...DEFAULT_SCORING, activation: 'sigmoid', tieBreak: 'logit' } as const;

/** Fields sent, and what of the domain's request they change. */
const FIELD_CASES: readonly (readonly [fields: object, expected: Partial<RankRequest>])[] = [
  [{}, {}],
  [{ top_n: 1 }, { topK: 1 }],
  [{ top_n: 3, top_k: 1 }, { topK: 3 }],
  [{ raw_scores: true }, { activation: 'identity' }],
  [{ use_activation: false }, { activation: 'identity' }],
  [{ use_activation: true, raw_scores: false }, {}],
  [{ truncation_side: 'left' }, { truncationSide: 'left' }],
  [{ truncation_direction: 'Right', truncation_side: 'left' }, { truncationSide: 'right' }],
  [{ truncate_prompt_tokens: 100 }, { maxLength: 100 }],
  [{ truncate_prompt_tokens: -1 }, {}],
  [{ max_tokens_per_doc: 10 }, { maxTokensPerDocument: 10 }],
  [{ max_doc_length: 11 }, { maxTokensPerDocument: 11 }],
  [
    { long_documents: 'chunk', chunk_overlap: 5 },
    { longDocuments: 'chunk', chunkOverlap: 5, maxChunksPerDocument: 100 },
  ],
  [{ max_chunks_per_doc: 3 }, { longDocuments: 'chunk', maxChunksPerDocument: 3 }],
  [{ max_chunks_per_doc: 3, long_documents: 'truncate' }, { maxChunksPerDocument: 3 }],
  [{ priority: 3, user: 'x', whatever: { nested: [] } }, {}],
  [
    {
      model: null,
      top_n: null,
      return_documents: null,
      rank_fields: null,
      raw_scores: null,
      use_activation: null,
      truncation: null,
      truncation_side: null,
      truncation_direction: null,
      truncate_prompt_tokens: null,
      max_doc_length: null,
      max_tokens_per_doc: null,
      long_documents: null,
      chunk_overlap: null,
      max_chunks_per_doc: null,
    },
    {},
  ],
];

test('every field reaches the domain; null is "not given", unknown fields are passed over', async (t) => {
  const server = await startTestServer(t);
  for (const [fields, expected] of FIELD_CASES) {
    const reply = await server.post('/rerank', { query: 'q', documents: ['a'], ...fields });
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    const sent = { query: 'q', documents: ['a'], topK: null, ...VENDOR, ...expected };
    assert.deepEqual(server.calls.at(-1)!.request, sent, JSON.stringify(fields));
  }
});

test('documents in all their forms', async (t) => {
  const server = await startTestServer(t);
  const documents = ['a', { text: 'b' }, { content: [{ type: 'text', text: 'c' }, { type: 'text', text: 'd' }] }]; // biome-ignore format: forms
  await server.post('/rerank', { query: 'q', documents });
  assert.deepEqual((server.calls.at(-1)!.request as RankRequest).documents, ['a', 'b', 'c\nd']);
  await server.post('/rerank', { query: 'q', documents: 'alone' });
  assert.deepEqual((server.calls.at(-1)!.request as RankRequest).documents, ['alone']);
  await server.post('/rerank', {
    query: '',
    documents: [{ title: 'T', body: 'B', n: 1 }, ''],
    rank_fields: ['body', 'title', 'n'],
  });
  assert.deepEqual((server.calls.at(-1)!.request as RankRequest).documents, ['B\nT', '']);
});

test("what is wrong is 400, in all families' words", async (t) => {
  const server = await startTestServer(t);
  const cases: readonly (readonly [body: unknown, message: string, param: string | null])[] = [
    [{ query: 'q', documents: [] }, 'documents must not be empty', 'documents'],
    [{ query: 'q', documents: ['a'], top_n: 0 }, 'top_n must be at least 1', 'top_n'],
    [{ query: 'q', documents: ['a'], top_n: -1 }, 'top_n must be at least 1', 'top_n'],
    [{ query: 'q', documents: ['a'], top_n: 1.5 }, 'top_n must be an integer', 'top_n'],
    [{ query: 'q' }, 'documents is required', 'documents'],
    [{ documents: ['a'] }, 'query is required', 'query'],
    [{ query: null, documents: ['a'] }, 'query must be a string', 'query'],
    [{ query: 'q', documents: 3 }, 'documents must be a list', 'documents'],
    [{ query: 'q', documents: ['a', 3] }, "documents[1] must be a string or an object with a string field 'text'", 'documents.1'],
    [
      { query: 'q', documents: [{ txt: 'a' }] },
      "documents[0] must be a string or an object with a string field 'text'",
      'documents.0',
    ],
    [
      { query: 'q', documents: ['a', {}], rank_fields: ['x'] },
      'documents[1] has none of the rank_fields as a string',
      'documents.1',
    ],
    [{ query: 'q', documents: ['a'], long_documents: 'split' }, "long_documents must be 'truncate' or 'chunk'", 'long_documents'],
    [[], 'the body must be a JSON object', null],
    [null, 'the body must be a JSON object', null],
  ];
  for (const [body, message, param] of cases) {
    const reply = await server.post('/v1/rerank', JSON.stringify(body), { 'x-request-id': 'r' });
    const error = { message, type: 'invalid_request_error', param, code: 400 };
    assert.deepEqual([reply.status, reply.body], [400, { id: 'r', message, detail: message, error }], JSON.stringify(body));
  }
  assert.equal(server.calls.length, 0);
});

test('truncation: false asks for an error instead of a shortened document', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([1, 2, 3], { truncated: [0, 2] }) });
  const reply = await server.post('/rerank', { query: 'q', documents: ['a', 'b', 'c'], truncation: false });
  assert.equal(reply.status, 400);
  assert.equal(reply.body.message, 'inputs must have at most 512 tokens unless truncation is on; too long: index 0 and 1 more');
});

test('hostile documents: what is nested, names of the prototype', async (t) => {
  const server = await startTestServer(t);
  const deep = `${'['.repeat(20)}${']'.repeat(20)}`;
  const body = `{"query":"q","documents":[{"text":"a","deep":${deep},"__proto__":"p"}],"return_documents":true,"__proto__":{"top_n":0}}`;
  for (const path of ['/rerank', '/cohere/v1/rerank']) {
    const reply = await server.post(path, body);
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    assert.equal(reply.body.results[0].document.text, 'a');
    assert.equal('deep' in reply.body.results[0].document, false);
  }
  const fields = await server.post('/rerank', {
    query: 'q',
    documents: [{ text: 'a' }],
    rank_fields: ['constructor', '__proto__'],
  });
  assert.equal(fields.status, 400);
});

test('search units are counted per hundred documents', async (t) => {
  const server = await startTestServer(t);
  const reply = await server.post('/rerank', { query: 'q', documents: Array(101).fill('a') });
  assert.equal(reply.body.meta.billed_units.search_units, 2);
});
