// text-embeddings-inference's dialect: its own requests and answers, headers, edge cases and error types.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RerankError } from '../../src/errors.ts';
import { DEFAULT_SCORING, type PredictRequest, type RankRequest } from '../../src/rerank/types.ts';
import { predictCounting, rankByScores, startTestServer } from './support.ts';

const DEEP = { query: 'What is Deep Learning?', texts: ['Deep Learning is not...', 'Deep learning is...'] };

const PATHS = [
  '/rerank',
  '/',
  '/invocations',
  '/v1/rerank',
  '/tei',
  '/tei/',
  '/tei/rerank',
  '/tei/invocations',
  '/tei/v1/rerank',
];

test('the documented request gives the documented answer on every path', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([0.0202, 0.9987]) });
  for (const path of PATHS) {
    const reply = await server.post(path, DEEP);
    const expected = [{ index: 1, score: 0.9987 }, { index: 0, score: 0.0202 }]; // biome-ignore format: golden
    assert.deepEqual([reply.status, reply.body], [200, expected], path);
  }
});

test('texts come back when asked, all documents always do', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([0.0202, 0.9987]) });
  const reply = await server.post('/rerank', { ...DEEP, return_text: true, top_n: 1 });
  assert.equal(
    JSON.stringify(reply.body),
    '[{"index":1,"text":"Deep learning is...","score":0.9987},{"index":0,"text":"Deep Learning is not...","score":0.0202}]',
  );
});

test('the headers of text-embeddings-inference are there, in whole milliseconds', async (t) => {
  const server = await startTestServer(t);
  const { headers } = await server.post('/rerank', { query: 'q\u{1f43c}', texts: ['ab', 'c\u{1f43c}d'] });
  const names = ['type', 'time', 'characters', 'tokens'].map((name) => headers.get(`x-compute-${name}`));
  assert.deepEqual(names, ['cpu+optimized', '14', '9', '6']);
  const times = ['total', 'tokenization', 'queue', 'inference'].map((name) => headers.get(`x-${name}-time`));
  assert.deepEqual(times, ['14', '0', '1', '12']);
});

const VENDOR = { ...DEFAULT_SCORING, activation: 'sigmoid', tieBreak: 'logit' } as const;

test('every field reaches the domain; nulls and what LiteLLM and llama-index send are taken', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([1]) });
  const cases: readonly (readonly [fields: object, expected: Partial<RankRequest>])[] = [
    [{}, {}],
    [{ raw_scores: true }, { activation: 'identity' }],
    [{ truncation_direction: 'Left' }, { truncationSide: 'left' }],
    [{ truncation_direction: 'right' }, { truncationSide: 'right' }],
    [{ truncate: null, truncation_direction: null, raw_scores: null, return_text: null }, {}],
    [{ texts: [{ text: 'a', id: 3 }], top_n: 3, truncate: false }, {}],
    [{ texts: ['a'], truncate: true, unknown: 1 }, {}],
  ];
  for (const [fields, expected] of cases) {
    const reply = await server.post('/rerank', { query: 'q', texts: ['a'], ...fields });
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    const sent = { query: 'q', documents: ['a'], topK: null, ...VENDOR, ...expected };
    assert.deepEqual(server.calls.at(-1)!.request, sent, JSON.stringify(fields));
  }
});

test('refusals have the error types and statuses of text-embeddings-inference', async (t) => {
  const server = await startTestServer(t, { flags: { 'max-client-batch-size': '2' } });
  const cases: readonly (readonly [body: unknown, status: number, error: string, type: string])[] = [
    [{ query: 'q', texts: [] }, 400, '`texts` cannot be empty', 'Empty'],
    [{ query: '', texts: ['a', ''] }, 400, 'Input validation error: `inputs` cannot be empty', 'Empty'],
    [{ query: 'q', texts: [1, 2, 3] }, 422, 'batch size 3 > maximum allowed batch size 2', 'Validation'],
    [{ texts: ['a'] }, 422, 'query is required', 'Validation'],
    [{ query: 'q', texts: [1] }, 422, 'texts[0] must be a string', 'Validation'],
    [
      { query: 'q', texts: ['a'], truncation_direction: 'up' },
      422,
      "truncation_direction must be 'left' or 'right'",
      'Validation',
    ],
    [{ query: 'q', texts: ['a'], raw_scores: 1 }, 422, 'raw_scores must be true or false', 'Validation'],
    ['{"texts"', 400, 'the body is not valid JSON (at position 8)', 'Validation'],
  ];
  for (const [body, status, error, type] of cases) {
    const reply = await server.post('/tei/rerank', typeof body === 'string' ? body : JSON.stringify(body));
    assert.deepEqual([reply.status, reply.body], [status, { error, error_type: type }]);
  }
  assert.equal((await server.post('/rerank', { query: '', texts: ['a'] })).status, 200);
  assert.equal((await server.post('/rerank', { query: 'q', texts: [''] })).status, 200);
});

test('truncate: false refuses what the model would cut', async (t) => {
  const server = await startTestServer(t); // the fake shortens document 0
  const reply = await server.post('/rerank', { ...DEEP, truncate: false });
  const error = 'inputs must have at most 512 tokens unless truncation is on; too long: index 0';
  assert.deepEqual([reply.status, reply.body], [422, { error, error_type: 'Validation' }]);
});

test('failures while scoring: 429 Overloaded with Retry-After, 424 Backend, 503 Unhealthy', async (t) => {
  const failures: readonly (readonly [RerankError, number, string])[] = [
    [new RerankError('overloaded', 'full', { retryAfterSeconds: 2 }), 429, 'Overloaded'],
    [new RerankError('inference', 'NaN'), 424, 'Backend'],
    [new RerankError('not_ready', 'loading'), 503, 'Unhealthy'],
    [new RerankError('deadline', 'late'), 504, 'Backend'],
  ];
  for (const [failure, status, type] of failures) {
    const server = await startTestServer(t, { rank: () => Promise.reject(failure) });
    const reply = await server.post('/rerank', DEEP);
    assert.deepEqual([reply.status, reply.body], [status, { error: failure.message, error_type: type }]);
    if (status === 429) assert.equal(reply.headers.get('retry-after'), '2');
  }
});

test('/predict takes inputs in every shape', async (t) => {
  const server = await startTestServer(t);
  const shapes: readonly (readonly [inputs: unknown, pairs: PredictRequest['pairs'], answer: unknown])[] = [
    ['a', [['a', null]], [{ score: 0, label: 'LABEL_0' }]],
    [['a'], [['a', null]], [{ score: 0, label: 'LABEL_0' }]],
    [['a', 'b'], [['a', 'b']], [{ score: 0, label: 'LABEL_0' }]],
    [[['a', 'b']], [['a', 'b']], [[{ score: 0, label: 'LABEL_0' }]]],
    // biome-ignore format: shapes
    [[['a'], ['b', 'c']], [['a', null], ['b', 'c']], [[{ score: 0, label: 'LABEL_0' }], [{ score: 0.5, label: 'LABEL_0' }]]],
  ];
  for (const [inputs, pairs, answer] of shapes) {
    for (const path of ['/predict', '/tei/predict']) {
      const reply = await server.post(path, { inputs, truncate: null });
      assert.deepEqual([reply.status, reply.body], [200, answer], JSON.stringify(inputs));
      assert.deepEqual((server.calls.at(-1)!.request as PredictRequest).pairs, pairs);
      assert.equal(server.calls.at(-1)!.request.activation, 'sigmoid');
    }
  }
  assert.equal((await server.post('/predict', { inputs: ['a', 'b'] })).headers.get('x-compute-characters'), '2');
});

test('/predict gives every label of a model with several, best first', async (t) => {
  const server = await startTestServer(t, { predict: predictCounting(3), spec: { labels: ['no', 'maybe', 'yes'] } });
  const one = [{ score: 1, label: 'yes' }, { score: 0.5, label: 'maybe' }, { score: 0, label: 'no' }]; // biome-ignore format: labels
  assert.deepEqual((await server.post('/predict', { inputs: ['a', 'b'] })).body, one);
  assert.equal(server.calls.at(-1)!.request.activation, 'softmax');
  const two = await server.post('/predict', { inputs: [['a', 'b'], ['c', 'd']], raw_scores: true }); // biome-ignore format: pairs
  assert.deepEqual(two.body[0], one);
  assert.deepEqual(two.body[1][0], { score: 2.5, label: 'yes' });
  assert.equal(server.calls.at(-1)!.request.activation, 'identity');
});

test('/predict refuses what is no input', async (t) => {
  const server = await startTestServer(t);
  const cases: readonly (readonly [body: unknown, status: number])[] = [
    [{ inputs: [] }, 400],
    [{ inputs: '' }, 400],
    [{ inputs: ['', ''] }, 400],
    [{ inputs: ['a', 'b', 'c'] }, 422],
    [{ inputs: [['a', 'b', 'c']] }, 422],
    [{ inputs: [['a'], 'b'] }, 422],
    [{ inputs: [1] }, 422],
    [{ inputs: null }, 422],
    [{}, 422],
  ];
  for (const [body, status] of cases) {
    const reply = await server.post('/tei/predict', body);
    assert.deepEqual([reply.status, typeof reply.body.error], [status, 'string'], JSON.stringify(body));
  }
});

test('/tokenize gives every token of every text, places and all', async (t) => {
  const server = await startTestServer(t);
  const a = { id: 97, text: 'a', special: false, start: 0, stop: 1 };
  const open = { id: 91, text: '[', special: true, start: null, stop: null };
  const close = { ...open, id: 93, text: ']' };
  for (const path of ['/tokenize', '/tokenize/', '/tei/tokenize']) {
    const reply = await server.post(path, { inputs: 'a' });
    assert.deepEqual([reply.status, reply.body], [200, [[open, a, close]]], path);
    assert.ok(!reply.headers.has('x-compute-time'), 'not among its headers');
    assert.equal(reply.headers.get('server-timing'), 'queue;dur=1.5, tok;dur=0.3, inf;dur=0.0, total;dur=14.0');
  }
  const bare = await server.post('/tokenize', { inputs: ['a', 'aa'], add_special_tokens: false, extra: 1 });
  assert.deepEqual(bare.body, [[a], [a, { ...a, start: 1, stop: 2 }]]);
});

test('/tokenize: nulls mean the defaults, a prompt is named', async (t) => {
  const server = await startTestServer(t);
  const cases = [
    [{}, { addSpecialTokens: true, promptName: null }],
    [
      { add_special_tokens: null, prompt_name: null },
      { addSpecialTokens: true, promptName: null },
    ],
    [
      { add_special_tokens: false, prompt_name: 'query' },
      { addSpecialTokens: false, promptName: 'query' },
    ],
  ] as const;
  for (const [fields, expected] of cases) {
    assert.equal((await server.post('/tei/tokenize', { inputs: ['a'], ...fields })).status, 200);
    assert.deepEqual(server.tokenizeCalls.at(-1)!.request, { texts: ['a'], ...expected });
  }
});

test('/tokenize refuses what is no input, too many texts, and texts that no model would take', async (t) => {
  const server = await startTestServer(t, { flags: { 'max-client-batch-size': '5' }, spec: { maxLength: 512 } });
  const cases: readonly (readonly [body: unknown, status: number, error: string, type: string])[] = [
    [{}, 422, 'inputs is required', 'Validation'],
    [{ inputs: null }, 422, 'inputs must be a string or a list of strings', 'Validation'],
    [{ inputs: [1] }, 422, 'inputs must be a string or a list of strings', 'Validation'],
    [{ inputs: 'a', add_special_tokens: 1 }, 422, 'add_special_tokens must be true or false', 'Validation'],
    [{ inputs: 'a', prompt_name: 1 }, 422, 'prompt_name must be a string', 'Validation'],
    [{ inputs: [] }, 400, '`inputs` cannot be empty', 'Empty'],
    [{ inputs: ['a', ''] }, 400, 'Input validation error: `inputs` cannot be empty', 'Empty'],
    [{ inputs: Array(6).fill('a') }, 422, 'batch size 6 > maximum allowed batch size 5', 'Validation'],
    [
      { inputs: ['a', '\u{1f43c}'.repeat(128_001)] },
      422,
      'Input validation error: `inputs` must have less than 128000 characters. Given: 128001',
      'Validation',
    ],
    [
      { inputs: Array(5).fill('a'.repeat(120_000)) },
      413,
      '`inputs` have 600000 bytes of UTF-8; this server tokenizes at most 250000 in one request',
      'Validation',
    ],
  ];
  for (const [body, status, error, type] of cases) {
    const reply = await server.post('/tokenize', body);
    assert.deepEqual([reply.status, reply.body], [status, { error, error_type: type }]);
  }
  assert.equal(server.tokenizeCalls.length, 0);
});

test('/tokenize fails as scoring does, and leaves with its caller', async (t) => {
  const failures = [
    [new RerankError('overloaded', 'full', { retryAfterSeconds: 2 }), 429, 'Overloaded'],
    [new RerankError('draining', 'going'), 503, 'Unhealthy'],
    [new RerankError('deadline', 'late'), 504, 'Backend'],
  ] as const;
  for (const [failure, status, type] of failures) {
    const server = await startTestServer(t, { tokenize: () => Promise.reject(failure) });
    const reply = await server.post('/tokenize', { inputs: 'a' });
    assert.deepEqual([reply.status, reply.body], [status, { error: failure.message, error_type: type }]);
    const { signal, deadlineMs } = server.tokenizeCalls[0]!.context;
    assert.ok(signal !== null && Number.isFinite(deadlineMs));
  }
});
