// What can be wrong before a body is understood, and hostile bodies: an answer in the path's dialect, never a 500, never an echo.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { RankRequest } from '../../src/rerank/types.ts';
import { startTestServer } from './support.ts';

const GOOD = JSON.stringify({ query: 'q', documents: ['a'] });

test('media types: JSON and its relatives pass, the rest is 415', async (t) => {
  const server = await startTestServer(t);
  for (const type of ['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON', 'application/vnd.api+json']) {
    assert.equal((await server.post('/rank', GOOD, { 'content-type': type })).status, 200, type);
  }
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonl',
    'json',
    '',
  ]) {
    const reply = await server.post('/rank', GOOD, { 'content-type': type, 'x-request-id': 'r' });
    const error = { code: 'unsupported_media_type', message: 'the body must be sent as Content-Type: application/json' };
    assert.deepEqual([reply.status, reply.body], [415, { error, id: 'r' }], type);
  }
});

test('a body without a media type is 415', async (t) => {
  const server = await startTestServer(t);
  const answer = await rawExchange(
    server.server.port,
    `POST /rank HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`,
  );
  assert.match(answer, /^HTTP\/1\.1 415 /);
});

test('charsets: UTF-8 and UTF-16 are read, others are 415', async (t) => {
  const server = await startTestServer(t);
  const utf16 = Buffer.from(JSON.stringify({ query: '熊猫', documents: ['é'] }), 'utf16le');
  assert.equal((await server.post('/rank', utf16, { 'content-type': 'application/json; charset=utf-16le' })).status, 200);
  assert.equal((server.calls[0]!.request as RankRequest).query, '熊猫');
  for (const charset of ['latin1', 'gbk', 'utf-nonsense']) {
    const reply = await server.post('/rank', GOOD, { 'content-type': `application/json; charset=${charset}` });
    assert.deepEqual([reply.status, reply.body.error.code], [415, 'unsupported_media_type'], charset);
  }
});

test('compressed bodies are read; an unknown or broken compression is refused', async (t) => {
  const server = await startTestServer(t);
  const compressed = { gzip: gzipSync(GOOD), deflate: deflateSync(GOOD), br: brotliCompressSync(GOOD) };
  for (const [encoding, body] of Object.entries(compressed)) {
    assert.equal((await server.post('/rank', body, { 'content-encoding': encoding })).status, 200, encoding);
  }
  assert.equal((await server.post('/rank', GOOD, { 'content-encoding': 'snappy' })).status, 415);
  const broken = await server.post('/rank', GOOD, { 'content-encoding': 'gzip' });
  assert.deepEqual([broken.status, broken.body.error.code], [400, 'malformed_body']);
  const cut = await server.post('/rank', gzipSync(GOOD).subarray(0, 20), { 'content-encoding': 'gzip' });
  assert.deepEqual([cut.status, cut.body.error.code], [400, 'malformed_body']);
});

test('the size limit holds for declared, streamed and inflated bytes', async (t) => {
  const server = await startTestServer(t, { flags: { 'payload-limit': '1000' } });
  const big = JSON.stringify({ query: 'q'.repeat(2000), documents: [] });
  const expected = { code: 'payload_too_large', message: 'the body is larger than 1000 bytes' };
  const declared = await server.post('/rank', big);
  assert.deepEqual([declared.status, declared.body.error], [413, expected]);
  const streamed = await postChunked(server.url, big);
  assert.deepEqual([streamed.status, JSON.parse(streamed.text).error], [413, expected]);
  const bomb = await server.post('/rank', gzipSync(Buffer.alloc(20_000_000, 0x20)).subarray(0, 900), {
    'content-encoding': 'gzip',
  });
  assert.deepEqual([bomb.status, bomb.body.error], [413, expected]);
  const inOriginal = await server.post('/rank_documents', big);
  assert.deepEqual([inOriginal.status, inOriginal.body], [413, { detail: expected.message }]);
  const fits = JSON.stringify({ query: 'q'.repeat(1000 - 27), documents: [] });
  assert.equal(fits.length, 1000);
  assert.equal((await server.post('/rank', fits)).status, 200);
});

test('an empty body is 400, however it is sent', async (t) => {
  const server = await startTestServer(t);
  const empty = { code: 'malformed_body', message: 'the body is empty; a JSON object is expected' };
  const replies = [
    await server.send('/rank', { method: 'POST' }),
    await server.post('/rank', ''),
    await server.post('/rank', gzipSync(''), { 'content-encoding': 'gzip' }),
  ];
  for (const reply of replies) assert.deepEqual([reply.status, reply.body.error], [400, empty]);
  const chunked = await postChunked(server.url, '');
  assert.deepEqual([chunked.status, JSON.parse(chunked.text).error], [400, empty]);
});

test('bad JSON is 400 with a position at most, never with the text', async (t) => {
  const server = await startTestServer(t);
  const bad = [
    '{"query":"SECRET"',
    'SECRET',
    '{"query":SECRET}',
    '{"a":1}SECRET',
    '[1,2',
    '"SECRET',
    "{'query':'SECRET'}",
    ' ',
    'NaN',
    '\u0000',
  ];
  for (const body of bad) {
    const reply = await server.post('/rank', body);
    assert.deepEqual([reply.status, reply.body.error.code], [400, 'malformed_body'], body);
    assert.match(reply.body.error.message, /^the body is not valid JSON( \(at position \d+\))?$/);
  }
  assert.ok(!JSON.stringify(server.logLines.filter(({ level }) => level !== 'debug')).includes('SECRET'));
});

test('__proto__ and friends are plain, unknown fields', async (t) => {
  const server = await startTestServer(t);
  for (const key of ['__proto__', 'constructor', 'toString']) {
    const reply = await server.post('/rank', `{"query":"q","documents":[],"${key}":{"polluted":true}}`);
    assert.deepEqual([reply.status, reply.body.error.field], [422, key]);
  }
  const hidden = await server.post('/rank', '{"query":"q","documents":[{"__proto__":{"text":"x"}}]}');
  assert.deepEqual([hidden.status, hidden.body.error.field], [422, 'documents.0']);
  const proto = await server.post('/rank', '{"query":"q","documents":[{"text":"a","__proto__":{"polluted":true}}]}');
  assert.equal(proto.status, 200);
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

test('deep nesting, huge numbers, lone surrogates and NUL neither crash nor pass for something else', async (t) => {
  const server = await startTestServer(t);
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  assert.equal((await server.post('/rank', nested(10))).status, 422);
  assert.equal((await server.post('/rank', `{"query":"q","documents":${nested(10)}}`)).status, 422);
  assert.equal((await server.post('/rank', `{"query":"q","documents":[{"text":"a","meta":${nested(29)}}]}`)).status, 200);
  for (const body of [nested(33), nested(10_000), `{"query":"q","documents":[{"text":"a","meta":${nested(30)}}]}`]) {
    const reply = await server.post('/rank', body);
    assert.deepEqual([reply.status, reply.body.error.message], [422, 'the body is nested deeper than 32 levels']);
  }
  for (const number of ['1e999', '1e308', '9007199254740993', '-1e999', `1${'0'.repeat(5000)}`]) {
    assert.equal((await server.post('/rank', `{"query":"q","documents":[],"top_k":${number}}`)).status, 422, number.slice(0, 30));
  }
  const odd = await server.post('/rank', '{"query":"\\ud800 \\u0000","documents":["\\udc00\\u0000"],"return_documents":true}');
  assert.deepEqual([odd.status, odd.body.results[0].text], [200, '\udc00\u0000']);
  assert.equal((server.calls.at(-1)!.request as RankRequest).query, '\ud800 \u0000');
});

test('100,000 empty documents are refused or ranked by the bound, and quickly', async (t) => {
  const body = JSON.stringify({ query: '', documents: Array.from({ length: 100_000 }, () => '') });
  const bounded = await startTestServer(t);
  assert.equal((await bounded.post('/rank', body)).status, 413);
  const wide = await startTestServer(t, { flags: { 'max-client-batch-size': '100000' } });
  const reply = await wide.post('/rank', body);
  assert.deepEqual([reply.status, reply.body.results.length], [200, 100_000]);
});

test('5,000 short documents and one of 5 MB work with the defaults', async (t) => {
  const server = await startTestServer(t);
  const many = await server.post('/rank', {
    query: 'q',
    documents: Array.from({ length: 5000 }, (_, index) => `document ${index}`),
  });
  assert.deepEqual([many.status, many.body.results.length], [200, 5000]);
  assert.equal((await server.post('/rank', { query: 'q', documents: ['x'.repeat(5_000_000)] })).status, 200);
});

test('a very long unknown field is shortened in the message', async (t) => {
  const server = await startTestServer(t);
  const reply = await server.post('/rank', { query: 'q', documents: [], ['x'.repeat(100_000)]: 1 });
  assert.equal(reply.status, 422);
  assert.ok(reply.body.error.message.length < 200);
});

/** Sends bytes and reads until the server closes. */
function rawExchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}

/** POSTs without a Content-Length. */
function postChunked(url: string, body: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
    const outgoing = request(`${url}/rank`, { method: 'POST', headers }, (incoming) => {
      let text = '';
      incoming.on('data', (chunk) => {
        text += chunk;
      });
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
