// The native dialect over real sockets: every field, every answer, every refusal.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RerankError } from '../../src/errors.ts';
import { DEFAULT_SCORING, type RankRequest } from '../../src/rerank/types.ts';
import { predictCounting, startTestServer } from './support.ts';

const TIMING = { queue_ms: 1.5, tokenization_ms: 0.25, inference_ms: 12, total_ms: 14 };

test('/rank answers with model, activation, order, truncation, usage, timing and id', async (t) => {
  const server = await startTestServer(t);
  const reply = await server.post(
    '/rank',
    { query: 'q', documents: ['a', { text: 'b', source: 7 }] },
    { 'x-request-id': 'me-1' },
  );
  assert.equal(reply.status, 200);
  assert.deepEqual(reply.body, {
    id: 'me-1',
    model: 'fake',
    activation: 'sigmoid',
    results: [
      { corpus_id: 1, score: 1 },
      { corpus_id: 0, score: 0.5 },
    ],
    truncated: [0],
    usage: { total_tokens: 6, pairs: 2 },
    timing: TIMING,
  });
  assert.equal(reply.headers.get('server-timing'), 'queue;dur=1.5, tok;dur=0.3, inf;dur=12.0, total;dur=14.0');
  assert.equal(reply.headers.get('x-powered-by'), null);
  assert.equal(reply.headers.get('etag'), null);
});

test('/rank returns the texts when asked, objects as their text', async (t) => {
  const server = await startTestServer(t);
  const body = { query: 'q', documents: ['a', { text: 'b' }], return_documents: true, top_k: 1 };
  const reply = await server.post('/rank/', body);
  assert.deepEqual(reply.body.results, [{ corpus_id: 1, score: 1, text: 'b' }]);
});

const DEFAULTS = { topK: null, ...DEFAULT_SCORING };

/** Fields sent, and what of the domain's request they change. */
const FIELD_CASES: readonly (readonly [fields: object, expected: Partial<RankRequest>])[] = [
  [{}, {}],
  [{ top_k: 0 }, { topK: 0 }],
  [{ top_k: -1 }, { topK: -1 }],
  [{ top_k: null }, {}],
  [{ activation_fn: 'Identity' }, { activation: 'identity' }],
  [{ activation_fn: 'torch.nn.modules.activation.Sigmoid' }, { activation: 'sigmoid' }],
  [{ activation_fct: 'torch.nn.modules.linear.Identity' }, { activation: 'identity' }],
  [{ activation_fct: 'tanh' }, { activation: 'tanh' }],
  [{ activation_fn: 'softmax', activation_fct: 'tanh' }, { activation: 'softmax' }],
  [{ activation_fn: null, activation_fct: 'tanh' }, { activation: 'tanh' }],
  [{ apply_softmax: true }, { applySoftmax: true }],
  [{ prompt: 'query: ' }, { prompt: 'query: ' }],
  [{ prompt_name: 'web' }, { promptName: 'web' }],
  [{ max_length: 64 }, { maxLength: 64 }],
  [{ truncation_direction: 'Left' }, { truncationSide: 'left' }],
  [{ max_tokens_per_doc: 9 }, { maxTokensPerDocument: 9 }],
  [{ long_documents: 'chunk' }, { longDocuments: 'chunk', maxChunksPerDocument: 100 }],
  [
    { long_documents: 'chunk', chunk_overlap: 0 },
    { longDocuments: 'chunk', chunkOverlap: 0, maxChunksPerDocument: 100 },
  ],
  [{ max_chunks_per_doc: 4 }, { longDocuments: 'chunk', maxChunksPerDocument: 4 }],
  [{ max_chunks_per_doc: 4, long_documents: 'truncate' }, { maxChunksPerDocument: 4 }],
  [{ batch_size: 8, show_progress_bar: true, num_workers: 2, convert_to_numpy: false, convert_to_tensor: true }, {}],
  [
    {
      return_documents: null,
      activation_fn: null,
      activation_fct: null,
      apply_softmax: null,
      prompt: null,
      prompt_name: null,
      max_length: null,
      batch_size: null,
      show_progress_bar: null,
      num_workers: null,
      convert_to_numpy: null,
      convert_to_tensor: null,
    },
    {},
  ],
];

test('/rank hands every parameter on', async (t) => {
  const server = await startTestServer(t);
  for (const [fields, expected] of FIELD_CASES) {
    const reply = await server.post('/rank', { query: 'q', documents: ['a'], ...fields });
    assert.equal(reply.status, 200, JSON.stringify(fields));
    assert.deepEqual(
      server.calls.at(-1)!.request,
      { query: 'q', documents: ['a'], ...DEFAULTS, ...expected },
      JSON.stringify(fields),
    );
  }
});

/** Bodies refused with 422, with the message and the field at fault. */
const INVALID: readonly (readonly [body: unknown, message: string, field?: string])[] = [
  [{ documents: ['a'] }, 'query is required', 'query'],
  [{ query: 1, documents: ['a'] }, 'query must be a string', 'query'],
  [{ query: null, documents: [] }, 'query must be a string', 'query'],
  [{ query: 'q' }, 'documents is required', 'documents'],
  [{ query: 'q', documents: 'a' }, 'documents must be a list', 'documents'],
  [{ query: 'q', documents: ['a', 3] }, "documents[1] must be a string or an object with a string field 'text'", 'documents.1'],
  [
    { query: 'q', documents: [{ txt: 'a' }] },
    "documents[0] must be a string or an object with a string field 'text'",
    'documents.0',
  ],
  [{ query: 'q', documents: [null] }, "documents[0] must be a string or an object with a string field 'text'", 'documents.0'],
  [{ query: 'q', documents: [], documnets: [] }, "unknown field 'documnets'; did you mean 'documents'?", 'documnets'],
  [{ query: 'q', documents: [], zzzzzzzzzzzz: 1 }, "unknown field 'zzzzzzzzzzzz'", 'zzzzzzzzzzzz'],
  [{ query: 'q', documents: [], top_k: 1.5 }, 'top_k must be an integer', 'top_k'],
  [{ query: 'q', documents: [], top_k: '1' }, 'top_k must be an integer', 'top_k'],
  [{ query: 'q', documents: [], return_documents: 'yes' }, 'return_documents must be true or false', 'return_documents'],
  [
    { query: 'q', documents: [], activation_fn: 'relu' },
    'activation_fn must be sigmoid, identity, tanh or softmax, or the torch path of one of them',
    'activation_fn',
  ],
  [{ query: 'q', documents: [], activation_fct: 3 }, 'activation_fct must be a string', 'activation_fct'],
  [{ query: 'q', documents: [], apply_softmax: 1 }, 'apply_softmax must be true or false', 'apply_softmax'],
  [{ query: 'q', documents: [], prompt: 1 }, 'prompt must be a string', 'prompt'],
  [{ query: 'q', documents: [], max_length: 0 }, 'max_length must be at least 1', 'max_length'],
  [{ query: 'q', documents: [], batch_size: 0 }, 'batch_size must be at least 1', 'batch_size'],
  [{ query: 'q', documents: [], num_workers: 'all' }, 'num_workers must be an integer', 'num_workers'],
  [[], 'the body must be a JSON object'],
  [3, 'the body must be a JSON object'],
  [null, 'the body must be a JSON object'],
  [
    { query: 1, documents: [1, 2, 3, 4] },
    "query must be a string; documents[0] must be a string or an object with a string field 'text'; " +
      "documents[1] must be a string or an object with a string field 'text'; and more",
    'query',
  ],
];

test('/rank names what is wrong', async (t) => {
  const server = await startTestServer(t);
  for (const [body, message, field] of INVALID) {
    const reply = await server.post('/rank', JSON.stringify(body), { 'x-request-id': 'r' });
    const expected = { error: { code: 'validation', message, ...(field !== undefined && { field }) }, id: 'r' };
    assert.deepEqual([reply.status, reply.body], [422, expected]);
  }
  assert.equal(server.calls.length, 0);
});

test('too many documents are refused before they are looked at', async (t) => {
  const server = await startTestServer(t, { flags: { 'max-client-batch-size': '2' } });
  const rank = await server.post('/rank', { query: 'q', documents: [1, 2, 3] });
  assert.equal(rank.status, 413);
  assert.equal(rank.body.error.code, 'too_many_documents');
  assert.equal(rank.body.error.message, 'documents has 3 entries; this server takes at most 2');
  const predict = await server.post('/predict', { pairs: [[], [], []] });
  assert.equal(predict.body.error.message, 'pairs has 3 entries; this server takes at most 2');
  assert.equal((await server.post('/rank', { query: 'q', documents: ['a', 'b'] })).status, 200);
});

test('/predict answers a list, a bare pair, and rows of labels', async (t) => {
  const one = await startTestServer(t);
  const list = await one.post('/predict', { pairs: [['q', 'a'], ['q', 'b']] }, { 'x-request-id': 'p' }); // biome-ignore format: pairs
  assert.deepEqual(list.body, {
    id: 'p',
    model: 'fake',
    activation: 'sigmoid',
    scores: [0, 0.5],
    truncated: [0],
    usage: { total_tokens: 6, pairs: 2 },
    timing: TIMING,
  });
  const bare = await one.post('/predict', { pairs: ['q', 'a'] });
  assert.equal(bare.body.scores, 0);
  const { topK: _, ...scoring } = DEFAULTS;
  assert.deepEqual(one.calls.at(-1)!.request, { pairs: [['q', 'a']], ...scoring });

  const three = await startTestServer(t, { predict: predictCounting(3), spec: { labels: ['no', 'maybe', 'yes'] } });
  const rows = await three.post('/predict', { pairs: [['q', 'a'], ['q', 'b']] }); // biome-ignore format: pairs
  assert.deepEqual(rows.body.scores, [[0, 0.5, 1], [1.5, 2, 2.5]]); // biome-ignore format: rows
  assert.deepEqual(rows.body.labels, ['no', 'maybe', 'yes']);
  assert.deepEqual(rows.body.usage, { total_tokens: 6, pairs: 2 });
  assert.deepEqual((await three.post('/predict', { pairs: ['q', 'a'] })).body.scores, [0, 0.5, 1]);
  assert.deepEqual((await three.post('/predict', { pairs: [] })).body.scores, []);
});

test('/predict names what is wrong', async (t) => {
  const server = await startTestServer(t);
  const cases: readonly (readonly [unknown, string])[] = [
    [{}, 'pairs is required'],
    [{ pairs: 'x' }, 'pairs must be a list of [query, document] pairs'],
    [{ pairs: [['a']] }, 'pairs[0] must be a list of two strings, query and document'],
    [{ pairs: [['a', 'b', 'c']] }, 'pairs[0] must be a list of two strings, query and document'],
    [{ pairs: ['a', 'b', 'c'] }, 'pairs[0] must be a list of two strings, query and document'],
    [{ pairs: [['a', 1]] }, 'pairs[0][1] must be a string'],
    [{ pairs: [], top_k: 3 }, "unknown field 'top_k'"],
    [{ pair: [] }, 'pairs is required'],
  ];
  for (const [body, message] of cases) {
    const reply = await server.post('/predict', body);
    assert.equal(reply.status, 422);
    assert.ok(reply.body.error.message.startsWith(message), `${JSON.stringify(body)}: ${reply.body.error.message}`);
  }
});

test('failures of the service keep their code, status and Retry-After', async (t) => {
  const failures: readonly (readonly [RerankError, number, string | null])[] = [
    [new RerankError('overloaded', 'full', { retryAfterSeconds: 2.1 }), 429, '3'],
    [new RerankError('overloaded', 'full', { retryAfterSeconds: 0 }), 429, '1'],
    [new RerankError('deadline', 'late'), 504, null],
    [new RerankError('draining', 'bye', { retryAfterSeconds: 5 }), 503, '5'],
    [new RerankError('not_ready', 'loading', { retryAfterSeconds: 1 }), 503, '1'],
    [new RerankError('inference', 'score of document 3 is NaN', { field: 'documents.3' }), 500, null],
    [new RerankError('validation', 'no such prompt', { field: 'prompt_name' }), 422, null],
  ];
  for (const [failure, status, retryAfter] of failures) {
    const server = await startTestServer(t, { rank: () => Promise.reject(failure) });
    const reply = await server.post('/rank', { query: 'q', documents: [] });
    assert.equal(reply.status, status);
    assert.equal(reply.headers.get('retry-after'), retryAfter);
    assert.equal(reply.body.error.code, failure.code);
    assert.equal(reply.body.error.message, failure.message);
    assert.equal(reply.body.error.field, failure.field);
  }
});

test('an unexpected failure is 500 without its message, and is logged with it', async (t) => {
  const server = await startTestServer(t, { rank: () => Promise.reject(new TypeError('secret detail')) });
  const reply = await server.post('/rank', { query: 'q', documents: [] });
  assert.equal(reply.status, 500);
  assert.deepEqual(reply.body.error, { code: 'internal', message: 'internal error' });
  const line = server.logLines.find(({ level }) => level === 'error');
  assert.equal((line?.error as Error | undefined)?.message, 'secret detail');
});
