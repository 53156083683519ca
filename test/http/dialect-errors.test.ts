// Every error code in every dialect: its status, and a body of the documented form.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_STATUS, type ErrorCode, RerankError } from '../../src/errors.ts';
import { DIALECTS } from '../../src/http/dialects/dialect-list.ts';
import { startTestServer } from './support.ts';

/** Dialect -> codes whose status is not that of the table in errors.ts. */
const STATUSES: Readonly<Record<string, Partial<Record<ErrorCode, number>>>> = {
  native: {},
  original: { malformed_body: 422 },
  superset: { validation: 400, too_many_documents: 400, not_a_reranker: 400 },
  tei: { too_many_documents: 422, not_a_reranker: 424, inference: 424 },
  cohere: { validation: 400, too_many_documents: 400, not_a_reranker: 400 },
  jina: { malformed_body: 422, empty_input: 422, too_many_documents: 422 },
  voyage: { validation: 400, too_many_documents: 400, not_a_reranker: 400 },
  infinity: { malformed_body: 422, empty_input: 422, too_many_documents: 422, not_a_reranker: 400 },
  vllm: { validation: 400, too_many_documents: 400, not_a_reranker: 400 },
  llamacpp: { validation: 400, too_many_documents: 400, not_a_reranker: 501 },
};

/** Dialect -> its body for an overloaded server, less the part every answer shares. */
const OVERLOADED: Readonly<Record<string, object>> = {
  native: { error: { code: 'overloaded', message: 'full' }, id: 'r' },
  original: { detail: 'full' },
  superset: {
    id: 'r',
    message: 'full',
    detail: 'full',
    error: { message: 'full', type: 'unavailable_error', param: null, code: 429 },
  },
  tei: { error: 'full', error_type: 'Overloaded' },
  cohere: { id: 'r', message: 'full' },
  jina: { detail: 'full', code: 'RATE_CONCURRENCY_LIMIT_EXCEEDED', request_id: 'r' },
  voyage: { detail: 'full' },
  infinity: { error: { message: 'full', type: null, param: null, code: 429 } },
  vllm: { error: { message: 'full', type: 'Too Many Requests', param: null, code: 429 } },
  llamacpp: { error: { code: 429, message: 'full', type: 'unavailable_error' } },
};

for (const { name, renderError, errorSchema } of DIALECTS) {
  test(`${name}: every code has its status and a body of the documented form`, () => {
    for (const code of Object.keys(ERROR_STATUS) as ErrorCode[]) {
      for (const field of ['documents.3', undefined]) {
        const error = new RerankError(code, 'why', { ...(field !== undefined && { field }) });
        const { status, body } = renderError(error, 'r');
        assert.equal(status, STATUSES[name]![code] ?? ERROR_STATUS[code], code);
        assert.doesNotThrow(() => errorSchema.parse(body), `${code} ${JSON.stringify(body)}`);
      }
    }
    assert.deepEqual(renderError(new RerankError('overloaded', 'full'), 'r').body, OVERLOADED[name]);
  });
}

const RERANK: Readonly<Record<string, readonly [path: string, body: object]>> = {
  superset: ['/rerank', { query: 'q', documents: ['a'] }],
  tei: ['/rerank', { query: 'q', texts: ['a'] }],
  cohere: ['/cohere/v2/rerank', { query: 'q', documents: ['a'] }],
  jina: ['/jina/v1/rerank', { query: 'q', documents: ['a'] }],
  voyage: ['/v1/rerank', { query: 'q', documents: ['a'], top_k: 1 }],
  infinity: ['/infinity/rerank', { query: 'q', documents: ['a'] }],
  vllm: ['/vllm/rerank', { query: 'q', documents: ['a'] }],
  llamacpp: ['/llamacpp/rerank', { query: 'q', documents: ['a'] }],
};

test('failures of the service and of the server come in the dialect of the request, with Retry-After', async (t) => {
  const codes: readonly ErrorCode[] = ['overloaded', 'not_ready', 'draining', 'deadline', 'inference', 'internal', 'validation'];
  for (const [name, [path, body]] of Object.entries(RERANK)) {
    const { errorSchema } = DIALECTS.find((dialect) => dialect.name === name)!;
    for (const code of codes) {
      const server = await startTestServer(t, {
        rank: () => Promise.reject(new RerankError(code, 'why', { retryAfterSeconds: 3 })),
      });
      const reply = await server.post(path, body);
      assert.equal(reply.status, STATUSES[name]![code] ?? ERROR_STATUS[code], `${name} ${code}`);
      assert.equal(reply.headers.get('retry-after'), '3');
      assert.doesNotThrow(() => errorSchema.parse(reply.body), `${name} ${code} ${JSON.stringify(reply.body)}`);
    }
    const draining = await startTestServer(t);
    draining.draining = true;
    const refused = await draining.post(path, body);
    assert.equal(refused.status, 503);
    assert.doesNotThrow(() => errorSchema.parse(refused.body), name);
  }
});

test('what fails before the body is understood comes in the dialect of the path', async (t) => {
  const server = await startTestServer(t, { flags: { 'payload-limit': '100' } });
  for (const name of DIALECTS.filter(({ prefixed }) => prefixed).map((dialect) => dialect.name)) {
    const path = `/${name}/rerank`;
    const { errorSchema } = DIALECTS.find((dialect) => dialect.name === name)!;
    const replies = {
      400: await server.post(path, '{'),
      404: await server.post(`${path}/more`, {}),
      405: await server.send(path),
      413: await server.post(path, { query: 'q'.repeat(200) }),
      415: await server.post(path, '{}', { 'content-type': 'text/plain' }),
    };
    for (const [status, reply] of Object.entries(replies)) {
      const expected = status === '400' ? (STATUSES[name]!.malformed_body ?? 400) : Number(status);
      assert.equal(reply.status, expected, `${name} ${status}`);
      assert.doesNotThrow(() => errorSchema.parse(reply.body), `${name} ${status} ${JSON.stringify(reply.body)}`);
      assert.ok(!JSON.stringify(reply.body).includes('qqq'));
    }
  }
});

test('a model with several labels ranks in no dialect', async (t) => {
  const server = await startTestServer(t, { spec: { labels: ['no', 'maybe', 'yes'] } });
  for (const [name, [path, body]] of Object.entries(RERANK)) {
    const reply = await server.post(path, body);
    assert.equal(reply.status, STATUSES[name]!.not_a_reranker ?? 422, name);
    assert.ok(JSON.stringify(reply.body).includes('the model has 3 labels, so it cannot rank'), name);
  }
  assert.equal((await server.post('/rank', { query: 'q', documents: [] })).body.error.code, 'not_a_reranker');
  assert.equal(server.calls.length, 0);
});
