// What pages in browsers can and cannot do with the server: CORS, the names it is called by, and headers that keep answers what they are.

import assert from 'node:assert/strict';
import { type IncomingHttpHeaders, request } from 'node:http';
import { test } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import { hostRule } from '../../src/http/allowed-hosts.ts';
import { metricsListener } from '../../src/http/metrics-route.ts';
import { startServer } from '../../src/http/server.ts';
import { testMetrics } from '../helpers/test-metrics.ts';
import { startTestServer, type TestServer } from './support.ts';

const BODY = { query: 'q', documents: ['a'] };
const FOREIGN = [
  'https://shop.example',
  'null',
  'http://localhost.shop.example',
  'http://127.0.0.1.shop.example',
  'file://',
  'x',
];
const LOCAL = [
  'http://localhost:3000',
  'https://localhost',
  'http://127.0.0.1:5173',
  'http://127.8.9.1',
  'http://[::1]:80',
  'http://app.localhost',
];

test('by default pages of this machine may call, and no others', async (t) => {
  const server = await startTestServer(t);
  for (const origin of LOCAL) {
    const preflight = await server.send('/rank', preflightOf(origin));
    assert.deepEqual([preflight.status, allowedOf(preflight)], [204, origin]);
    const answer = await server.post('/rank', BODY, { origin });
    assert.deepEqual([answer.status, allowedOf(answer)], [200, origin]);
  }
  const { headers } = await server.post('/rank', BODY, { origin: LOCAL[0]! });
  assert.equal(headers.get('access-control-expose-headers'), 'X-Request-Id,Server-Timing,X-Truncated,Retry-After,traceresponse');
  assert.match(headers.get('vary') ?? '', /Origin/);
  const failed = await server.send('/nope', { headers: { origin: LOCAL[0]! } });
  assert.equal(allowedOf(failed), LOCAL[0], 'errors can be read, too');
  const before = server.calls.length;
  for (const origin of FOREIGN) {
    const preflight = await server.send('/rank', preflightOf(origin));
    assert.deepEqual([preflight.status, allowedOf(preflight)], [403, null], origin);
    const answer = await server.post('/rank', BODY, { origin });
    assert.deepEqual([answer.status, answer.body.error.code], [403, 'origin_not_allowed']);
  }
  assert.equal(server.calls.length, before, 'a foreign page starts no work');
});

test('origins that are named replace the default; * is for all, empty for none', async (t) => {
  const named = await startTestServer(t, { flags: { 'cors-allow-origin': 'https://a.example,https://b.example' } });
  const from = async (server: TestServer, origin: string) => allowedOf(await server.send('/health', { headers: { origin } }));
  assert.equal(await from(named, 'https://b.example'), 'https://b.example');
  assert.deepEqual([await from(named, 'https://c.example'), await from(named, LOCAL[0]!)], [null, null]);
  const any = await startTestServer(t, { flags: { 'cors-allow-origin': '*' } });
  assert.equal(allowedOf(await any.send('/rank', preflightOf('https://shop.example'))), '*');
  assert.equal((await any.post('/rank', BODY, { origin: 'null' })).status, 200);
  const none = await startTestServer(t, { flags: { 'cors-allow-origin': '' } });
  assert.equal(await from(none, LOCAL[0]!), null);
  assert.equal((await none.post('/rank', BODY, { origin: LOCAL[0]! })).status, 403);
});

test('the wording of a refusal is that of the path', async (t) => {
  const server = await startTestServer(t);
  const refused = await server.post('/cohere/v2/rerank', BODY, { origin: 'https://shop.example' });
  assert.equal(refused.status, 403);
  assert.match(refused.body.message, /--cors-allow-origin/);
});

test('what a page can send without a preflight starts no work: simple types, no type, no origin', async (t) => {
  const server = await startTestServer(t);
  const json = JSON.stringify(BODY);
  for (const type of [
    'text/plain',
    'text/plain;charset=UTF-8',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
  ]) {
    assert.equal((await server.post('/rank', json, { 'content-type': type })).status, 415, type);
  }
  const bare = { 'content-length': String(json.length) };
  assert.equal((await ask(server, 'POST', '/rank', bare, json)).status, 415);
  const crossSite = { 'content-type': 'application/json', ...bare, 'sec-fetch-site': 'cross-site' };
  assert.equal((await ask(server, 'POST', '/rank', crossSite, json)).status, 403);
  assert.equal(server.calls.length, 0);
});

test('the page of the server itself may call it, below whatever name a proxy gives it', async (t) => {
  const server = await startTestServer(t, { flags: { 'cors-allow-origin': '', 'allowed-host': 'rank.shop.example' } });
  const json = JSON.stringify(BODY);
  const sent = { 'content-type': 'application/json', 'content-length': String(json.length), origin: 'https://rank.shop.example' };
  assert.equal((await ask(server, 'POST', '/rank', { ...sent, host: 'rank.shop.example' }, json)).status, 200);
  assert.equal(
    (await ask(server, 'POST', '/rank', { ...sent, host: 'localhost', 'sec-fetch-site': 'same-origin' }, json)).status,
    200,
  );
  assert.equal((await ask(server, 'POST', '/rank', { ...sent, host: 'localhost' }, json)).status, 403);
});

test('private networks: only for pages that are allowed', async (t) => {
  const server = await startTestServer(t, { flags: { 'cors-allow-origin': 'https://a.example' } });
  const asked = async (origin: string) =>
    (await server.send('/rank', preflightOf(origin, { 'access-control-request-private-network': 'true' }))).headers.get(
      'access-control-allow-private-network',
    );
  assert.deepEqual([await asked('https://a.example'), await asked('https://b.example')], ['true', null]);
});

test('on loopback, a name that was made to lead here is refused on every path, before a key or a body is looked at', async (t) => {
  const server = await startTestServer(t, { flags: { 'api-key': 'k' } });
  for (const path of ['/health', '/rank', '/metrics', '/openapi.json', '/docs', '/nope', '/tei/info']) {
    const refused = await ask(server, 'GET', path, { host: 'evil.example:8800' });
    assert.deepEqual([refused.status, refused.headers['x-content-type-options']], [403, 'nosniff'], path);
  }
  assert.equal(
    (await ask(server, 'POST', '/rank', { host: 'evil.example', 'content-length': '10' }, 'x'.repeat(10))).status,
    403,
  );
  for (const host of [
    'localhost',
    'LOCALHOST:8800',
    'a.localhost',
    'localhost.',
    '127.0.0.1:1',
    '127.1.2.3',
    '[::1]:8800',
    '10.0.0.7',
  ])
    assert.equal((await ask(server, 'GET', '/health', { host })).status, 200, host);
});

test('the names a server is called by: its own, those allowed, any where it cannot know them', () => {
  const served = (hostname: string, allowed: readonly string[], host: string) => hostRule(hostname, allowed)(host);
  assert.equal(served('0.0.0.0', [], 'rank.shop.example'), true);
  assert.equal(served('::', [], 'rank.shop.example'), true);
  assert.equal(served('0.0.0.0', ['rank.shop.example'], 'evil.example'), false);
  assert.equal(served('0.0.0.0', ['rank.shop.example'], 'localhost'), true, 'the health check of its container');
  assert.equal(served('0.0.0.0', ['rank.shop.example'], '10.1.2.3:8800'), true, 'a probe of its pod');
  assert.equal(served('127.0.0.1', ['Rank.shop.example'], 'RANK.shop.example:443'), true);
  assert.equal(served('127.0.0.1', ['*.shop.example'], 'a.b.shop.example'), true);
  assert.deepEqual(
    ['shop.example', 'evilshop.example', 'a.shop.example.evil', 'a b', '', 'a@localhost', 'localhost:80:80'].map((host) =>
      served('127.0.0.1', ['*.shop.example'], host),
    ),
    Array(7).fill(false),
  );
  assert.equal(served('127.0.0.1', ['*'], 'evil.example'), true);
  assert.equal(served('Box.localhost', [], 'box.localhost'), true);
  assert.equal(hostRule('127.0.0.1', [])(undefined), true, 'HTTP/1.0');
});

test('the port of the metrics is called by the same names', async (t) => {
  const settings = { ...loadConfig({}, {}).config, port: 0 };
  const metrics = await startServer(metricsListener(testMetrics(), hostRule('127.0.0.1', [])), settings);
  t.after(() => metrics.stop(0));
  const refused = await ask({ server: metrics }, 'GET', '/metrics', { host: 'evil.example' });
  assert.deepEqual([refused.status, refused.headers['x-content-type-options']], [403, 'nosniff']);
  assert.equal((await ask({ server: metrics }, 'GET', '/metrics', { host: 'localhost' })).status, 200);
});

test('no answer may be taken for something else than it says', async (t) => {
  const server = await startTestServer(t);
  const asked = [
    server.send('/health'),
    server.send('/docs'),
    server.send('/docs/swagger-ui.css'),
    server.send('/openapi.json'),
    server.send('/metrics'),
    server.send('/nope'),
    server.send('/rank'),
    server.send('/rank', preflightOf(LOCAL[0]!)),
    server.post('/rank', BODY),
    server.post('/rank', 'no JSON'),
    server.post('/rank', BODY, { origin: 'https://shop.example' }),
  ];
  for (const { status, headers } of await Promise.all(asked))
    assert.equal(headers.get('x-content-type-options'), 'nosniff', `${status}`);
});

function preflightOf(origin: string, headers: Readonly<Record<string, string>> = {}): RequestInit {
  return { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', ...headers } };
}

function allowedOf({ headers }: { readonly headers: Headers }): string | null {
  return headers.get('access-control-allow-origin');
}

interface Plain {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** With headers that `fetch` does not let one set. */
function ask(
  { server }: Pick<TestServer, 'server'>,
  method: string,
  path: string,
  ...[headers, body = '']: readonly [headers: Readonly<Record<string, string>>, body?: string]
): Promise<Plain> {
  return new Promise((resolve, reject) => {
    request(server.url + path, { method, headers, agent: false }, (res) => {
      res.resume().on('end', () => resolve({ status: res.statusCode, headers: res.headers }));
    })
      .on('error', reject)
      .end(body);
  });
}
