// API keys: which paths are closed, both forms of the header, the caller's dialect, and that no body is read before.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import { DIALECTS } from '../../src/http/dialects/dialect-list.ts';
import { RouteTable } from '../../src/http/route-table.ts';
import { startTestServer } from './support.ts';

const KEYED = { flags: { 'api-key': 'first-key,second-key' } };
const BODY = { query: 'q', documents: ['a', 'b'] };

test('without keys everything is open, whatever a client sends', async (t) => {
  const server = await startTestServer(t);
  assert.equal((await server.post('/rank', BODY, { Authorization: 'Bearer whatever' })).status, 200);
});

test('each key opens, as Bearer or bare; nothing else does', async (t) => {
  const server = await startTestServer(t, KEYED);
  for (const header of ['Bearer first-key', 'bearer second-key', 'BEARER   second-key', 'first-key', 'second-key']) {
    assert.equal((await server.post('/rank', BODY, { Authorization: header })).status, 200, header);
  }
  const wrong = [
    'Bearer',
    'Bearer ',
    'Bearer first-ke',
    'Bearer first-key2',
    'FIRST-KEY',
    'Basic first-key',
    'first-key,second-key',
    '***',
  ];
  for (const header of wrong) {
    const { status, body, headers } = await server.post('/rank', BODY, { Authorization: header });
    assert.deepEqual([status, body.error.code, headers.get('www-authenticate')], [401, 'unauthorized', 'Bearer'], header);
  }
  assert.equal((await server.post('/rank', BODY)).status, 401);
  assert.equal(server.calls.length, 5);
});

test('every path but the probes is closed, for every method, and each answers in its dialect', async (t) => {
  const server = await startTestServer(t, KEYED);
  const table = new RouteTable(DIALECTS, null);
  for (const { path, methods } of table.paths) {
    for (const method of methods.keys()) {
      const { status, body } = await server.send(path, { method });
      assert.equal(status, 401, `${method} ${path}`);
      const { errorSchema } = table.dialectOf(method, path);
      assert.ok(errorSchema.safeParse(body).success, `${method} ${path}: ${JSON.stringify(body)}`);
    }
  }
  for (const path of [
    '/info',
    '/openapi.json',
    '/docs',
    '/nowhere',
    '/health/',
    '/Health',
    '/healthz',
    '//health',
    '/health/x',
  ]) {
    const open = ['/health/', '/Health'].includes(path);
    assert.equal((await server.send(path)).status, open ? 200 : 401, path);
  }
  for (const path of ['/health', '/ready', '/ping', '/tei/health', '/cohere/ready']) {
    assert.equal((await server.send(path)).status, 200, path);
  }
  assert.equal(server.calls.length, 0);
});

test('a wrong key is told before the body has come', async (t) => {
  const server = await startTestServer(t, KEYED);
  const status = await new Promise((resolve, reject) => {
    const sent = request(`${server.url}/rank`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Content-Length': 1000 },
    });
    sent.on('response', (answer) => {
      resolve(answer.statusCode);
      sent.destroy();
    });
    sent.on('error', reject);
    sent.write('{"query":');
  });
  assert.equal(status, 401);
});

test('a browser’s preflight needs no key', async (t) => {
  const server = await startTestServer(t, KEYED);
  const headers = { Origin: 'http://localhost:3000', 'Access-Control-Request-Method': 'POST' };
  assert.equal((await server.send('/rank', { method: 'OPTIONS', headers })).status, 204);
});

test('keys come from flags, the environment and a file; what cannot be one is refused at start', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'crossrank-keys-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'keys');
  writeFileSync(file, '# of the shop\nshop-key\n\n  search-key  \r\n');
  const { config } = loadConfig({ 'api-key-file': file }, { CROSSRANK_API_KEY: 'one, two' });
  assert.deepEqual(
    [config.apiKeys, config.fileApiKeys],
    [
      ['one', 'two'],
      ['shop-key', 'search-key'],
    ],
  );
  writeFileSync(file, '# nothing else\n');
  for (const flags of [
    { 'api-key-file': file },
    { 'api-key-file': join(directory, 'none') },
    { 'api-key': 'kéy' },
    { 'api-key': ' , ' },
  ]) {
    assert.throws(
      () => loadConfig(flags, {}),
      (error: Error) => /^--api-key(-file)? must /.test(error.message) && !error.message.includes('kéy'),
    );
  }
});
