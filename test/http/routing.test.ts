// Paths, methods, request ids, the access log, and the dialect port with a dialect that shares a path.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import type { Dialect } from '../../src/http/dialects/dialect.ts';
import { DIALECTS } from '../../src/http/dialects/dialect-list.ts';
import { rankRoute } from '../../src/http/dialects/routes.ts';
import { DEFAULT_SCORING } from '../../src/rerank/types.ts';
import { eventually, startTestServer } from './support.ts';

test('unknown paths are 404 in the native dialect', async (t) => {
  const server = await startTestServer(t);
  for (const path of ['/nope', '/rank/more', '/%zz', '/rank%00', '/../etc/passwd']) {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const reply = await server.send(path, { method });
      assert.equal(reply.status, 404, `${method} ${path}`);
      assert.equal(reply.body.error.code, 'not_found');
    }
  }
});

test('known paths answer other methods with 405 and Allow', async (t) => {
  const server = await startTestServer(t);
  const allowed: Readonly<Record<string, string>> = {
    '/': 'GET, HEAD, POST',
    '/rank': 'POST',
    '/predict': 'POST',
    '/rank_documents': 'POST',
    '/health': 'GET, HEAD',
    '/ready': 'GET, HEAD',
    '/info': 'GET, HEAD',
  };
  for (const [path, allow] of Object.entries(allowed)) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      if (allow.includes(method)) continue;
      const reply = await server.send(path, { method });
      assert.deepEqual([reply.status, reply.headers.get('allow')], [405, allow], `${method} ${path}`);
    }
  }
  const put = await server.send('/rank', { method: 'PUT', headers: { 'x-request-id': 'r' } });
  assert.deepEqual(put.body, { error: { code: 'method_not_allowed', message: 'PUT is not allowed here; use POST' }, id: 'r' });
});

test('HEAD answers like GET without a body; paths ignore case and query strings', async (t) => {
  const server = await startTestServer(t);
  for (const path of ['/', '/health', '/ready', '/ping', '/info', '/v1/models']) {
    const reply = await server.send(path, { method: 'HEAD' });
    assert.deepEqual([reply.status, reply.body], [200, '']);
  }
  assert.equal((await server.post('/RANK?debug=1', { query: 'q', documents: [] })).status, 200);
});

test('request ids: a good one is echoed, any other is replaced', async (t) => {
  const server = await startTestServer(t);
  const good = ['a', 'x'.repeat(128), '!~"{}'];
  for (const id of good) {
    const reply = await server.post('/rank', { query: 'q', documents: [] }, { 'x-request-id': id });
    assert.deepEqual([reply.headers.get('x-request-id'), reply.body.id], [id, id]);
    assert.equal(server.calls.at(-1)!.context.id, id);
  }
  for (const id of ['', 'x'.repeat(129), 'two words', 'caf\u00e9']) {
    const reply = await server.send('/nope', { headers: { 'x-request-id': id } });
    assert.match(reply.headers.get('x-request-id') ?? '', /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    assert.equal(reply.body.id, reply.headers.get('x-request-id'));
  }
});

test('each request has the deadline of the request timeout', async (t) => {
  const server = await startTestServer(t, { flags: { 'request-timeout': '5' } });
  const before = performance.now();
  await server.post('/rank', { query: 'q', documents: [] });
  const { deadlineMs } = server.calls[0]!.context;
  assert.ok(deadlineMs >= before + 5000 && deadlineMs <= performance.now() + 5000);
});

test('one access line a request, with numbers and without texts', async (t) => {
  const server = await startTestServer(t);
  const body = JSON.stringify({ query: 'SECRET', documents: ['SECRET a', 'SECRET b'], return_documents: true });
  const reply = await server.post('/rank?token=SECRET', body, { 'x-request-id': 'r' });
  await server.post('/rank', { query: 1, documents: ['SECRET'] });
  await server.send('/health');
  const lines = () => server.logLines.filter(({ message }) => message === 'request');
  await eventually(() => lines().length === 3);
  const { total_ms: totalMs, time, bytes_out: bytesOut, ...line } = lines()[0]!;
  assert.deepEqual(line, {
    level: 'info',
    message: 'request',
    request_id: 'r',
    method: 'POST',
    path: '/rank',
    status: 200,
    dialect: 'native',
    pairs: 2,
    tokens: 6,
    truncated: 1,
    queue_ms: 1.5,
    tokenization_ms: 0.3,
    inference_ms: 12,
    bytes_in: body.length,
  });
  assert.ok(typeof totalMs === 'number' && typeof time === 'string' && bytesOut === JSON.stringify(reply.body).length);
  assert.deepEqual([lines()[1]!.status, lines()[1]!.error], [422, 'validation']);
  assert.equal(lines()[2]!.level, 'debug', 'probes are quiet');
  assert.ok(!JSON.stringify(server.logLines).includes('SECRET'));
});

test('a new dialect is an object in the list: it shares a path by its claim and words its own errors', async (t) => {
  const shouting: Dialect = {
    name: 'shouting',
    title: 'Shouting',
    prefixed: true,
    routes: [
      rankRoute({
        path: '/rank',
        claims: (body) => typeof body === 'object' && body !== null && 'TEXTS' in body,
        summary: 'Shout',
        schema: z.object({ TEXTS: z.array(z.string()) }),
        examples: [],
        answerSchema: z.array(z.int()),
        lists: ['TEXTS'],
        read: ({ TEXTS }) => ({ request: { ...DEFAULT_SCORING, query: 'q', documents: TEXTS, topK: null }, view: null }),
        render: ({ results }) => results.map(({ index }) => index),
        headers: ({ totalTokens }) => ({ 'x-tokens': String(totalTokens) }),
      }),
    ],
    errorSchema: z.object({ SHOUT: z.string() }),
    renderError: (error) => ({ status: 418, body: { SHOUT: error.code } }),
  };
  const server = await startTestServer(t, { dialects: [...DIALECTS, shouting] });
  const claimed = await server.post('/rank', { TEXTS: ['a', 'b'] });
  assert.deepEqual([claimed.status, claimed.body, claimed.headers.get('x-tokens')], [200, [1, 0], '6']);
  assert.equal((await server.post('/rank', { query: 'q', documents: [] })).status, 200, 'the rest stays native');
  assert.equal(
    (await server.post('/rank', '{')).body.error.code,
    'malformed_body',
    'before the body is understood the path decides',
  );
  server.draining = true;
  const refused = await server.post('/rank', { TEXTS: [] });
  assert.deepEqual([refused.status, refused.body], [418, { SHOUT: 'draining' }]);
  const below = await server.post('/shouting/rank', '{');
  assert.deepEqual([below.status, below.body], [418, { SHOUT: 'malformed_body' }], 'below its prefix it is alone');
});
