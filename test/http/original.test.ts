// The original project's dialect as its clients know it: welcome, ranking with five decimals, FastAPI's errors.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RerankError } from '../../src/errors.ts';
import { startTestServer } from './support.ts';

test('GET / is the welcome message', async (t) => {
  const server = await startTestServer(t);
  const reply = await server.send('/');
  assert.equal(reply.status, 200);
  assert.deepEqual(reply.body, { code: 0, msg: '欢迎访问CrossEncoder在线测试', data: '' });
});

test('/rank_documents answers with and without a trailing slash, five decimals, all texts', async (t) => {
  const server = await startTestServer(t);
  const expected = {
    ranked_documents: [
      { corpus_id: 2, score: 1, text: '你好' },
      { corpus_id: 1, score: 0.66667, text: '' },
      { corpus_id: 0, score: 0.33333, text: '熊猫是一种动物' },
    ],
  };
  for (const path of ['/rank_documents/', '/rank_documents']) {
    const reply = await server.post(path, {
      query: '什么是熊猫?',
      documents: ['熊猫是一种动物', { text: '' }, '你好'],
      extra: 1,
    });
    assert.equal(reply.status, 200);
    assert.deepEqual(reply.body, expected);
  }
  assert.deepEqual((await server.post('/rank_documents/', { query: 'q', documents: [] })).body, { ranked_documents: [] });
});

test('problems of the body are FastAPI lists under 422', async (t) => {
  const server = await startTestServer(t);
  const missing = { type: 'missing', loc: ['body', 'query'], msg: 'Field required' };
  const cases: readonly (readonly [unknown, object[]])[] = [
    [{ documents: [] }, [missing]],
    [{}, [missing, { type: 'missing', loc: ['body', 'documents'], msg: 'Field required' }]],
    [{ query: 1, documents: [] }, [{ type: 'string_type', loc: ['body', 'query'], msg: 'Input should be a valid string' }]],
    [{ query: 'q', documents: 'a' }, [{ type: 'list_type', loc: ['body', 'documents'], msg: 'Input should be a valid list' }]],
    [
      { query: 'q', documents: ['a', { txt: 'b' }] },
      [{ type: 'string_type', loc: ['body', 'documents', 1], msg: 'Input should be a valid string' }],
    ],
    [
      [],
      [
        {
          type: 'model_attributes_type',
          loc: ['body'],
          msg: 'Input should be a valid dictionary or object to extract fields from',
        },
      ],
    ],
  ];
  for (const [body, detail] of cases) {
    const reply = await server.post('/rank_documents/', body);
    assert.deepEqual([reply.status, reply.body], [422, { detail }], JSON.stringify(body));
  }
});

test('bad JSON is a FastAPI problem too', async (t) => {
  const server = await startTestServer(t);
  const reply = await server.post('/rank_documents/', '{"query": "secret"');
  assert.equal(reply.status, 422);
  assert.equal(reply.body.detail[0].type, 'json_invalid');
  assert.ok(!JSON.stringify(reply.body).includes('secret'));
});

test('every other failure is one sentence in detail', async (t) => {
  const failing = await startTestServer(t, {
    rank: () => Promise.reject(new RerankError('overloaded', 'full', { retryAfterSeconds: 4 })),
  });
  const overloaded = await failing.post('/rank_documents/', { query: 'q', documents: [] });
  assert.deepEqual([overloaded.status, overloaded.body], [429, { detail: 'full' }]);
  assert.equal(overloaded.headers.get('retry-after'), '4');

  const get = await failing.send('/rank_documents/');
  assert.deepEqual(
    [get.status, get.body, get.headers.get('allow')],
    [405, { detail: 'GET is not allowed here; use POST' }, 'POST'],
  );
  const type = await failing.post('/rank_documents/', 'a=1', { 'content-type': 'text/plain' });
  assert.deepEqual([type.status, type.body], [415, { detail: 'the body must be sent as Content-Type: application/json' }]);

  const validation = new RerankError('validation', 'only works for models with num_labels=1');
  const labels = await startTestServer(t, { rank: () => Promise.reject(validation) });
  const reply = await labels.post('/rank_documents/', { query: 'q', documents: [] });
  assert.deepEqual(reply.body, { detail: [{ type: 'value_error', loc: ['body'], msg: validation.message }] });
});
