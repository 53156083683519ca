// Infinity's dialect: documents as strings or null, OpenAI's errors, FastAPI's list for a body that fits no schema.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SCORING } from '../../src/rerank/types.ts';
import { rankByScores, startTestServer } from './support.ts';

const MUNICH = {
  model: 'mixedbread-ai/mxbai-rerank-xsmall-v1',
  query: ' Where is Munich? ',
  documents: ['Munich is in Germany.', 'The sky is blue.'],
  return_documents: false,
  top_n: 1,
};

test('the documented request gives the documented answer', async (t) => {
  const server = await startTestServer(t, { rank: rankByScores([0.9977, 0.1], { totalTokens: 69 }) });
  for (const path of ['/infinity/rerank', '/infinity/v1/rerank']) {
    const reply = await server.post(path, MUNICH, { 'x-request-id': 'r' });
    const { created, ...body } = reply.body;
    assert.deepEqual(body, {
      object: 'rerank',
      results: [{ relevance_score: 0.9977, index: 0, document: null }],
      model: 'fake',
      usage: { prompt_tokens: 69, total_tokens: 69 },
      id: 'infinity-r',
    });
    assert.ok(Math.abs(created - Date.now() / 1000) < 60);
    const request = { query: 'Where is Munich?', documents: MUNICH.documents, topK: 1 };
    assert.deepEqual(server.calls.at(-1)!.request, { ...request, ...DEFAULT_SCORING, activation: 'sigmoid', tieBreak: 'logit' });
  }
  const returned = await server.post('/infinity/rerank', { ...MUNICH, return_documents: true, raw_scores: true, top_n: null });
  assert.equal(returned.body.results[0].document, 'Munich is in Germany.');
  assert.equal(returned.body.results.length, 2);
  assert.equal(server.calls.at(-1)!.request.activation, 'identity');
});

test('problems of the body are FastAPI lists under 422', async (t) => {
  const server = await startTestServer(t);
  const empty = 'List should have at least 1 item after validation, not 0';
  const cases: readonly (readonly [body: unknown, detail: object[]])[] = [
    [{ documents: ['a'] }, [{ type: 'missing', loc: ['body', 'query'], msg: 'Field required' }]],
    [{ query: 'q', documents: [] }, [{ type: 'value_error', loc: ['body', 'documents'], msg: empty }]],
    [{ query: 'q', documents: ['a'], top_n: 0 }, [{ type: 'value_error', loc: ['body', 'top_n'], msg: 'must be at least 1' }]],
    [
      { query: 'q', documents: [3] },
      [{ type: 'string_type', loc: ['body', 'documents', 0], msg: 'Input should be a valid string' }],
    ],
  ];
  for (const [body, detail] of cases) {
    const reply = await server.post('/infinity/rerank', body);
    assert.deepEqual([reply.status, reply.body], [422, { detail }]);
  }
});

test('its models are listed', async (t) => {
  const server = await startTestServer(t);
  for (const path of [
    '/infinity/models',
    '/infinity/v1/models',
    '/models',
    '/v1/models',
    '/vllm/v1/models',
    '/llamacpp/v1/models',
  ]) {
    const { body } = await server.send(path);
    const { created, ...entry } = body.data[0];
    assert.deepEqual([body.object, typeof created], ['list', 'number'], path);
    const root = { object: 'model', owned_by: 'crossrank', root: 'fake', parent: null };
    assert.deepEqual(entry, { id: 'fake', ...root, max_model_len: 512, capabilities: ['rerank'] });
  }
});
