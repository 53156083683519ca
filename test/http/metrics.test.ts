// GET /metrics: who may read it, what requests leave there, and the port of its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import { RerankError } from '../../src/errors.ts';
import { metricsListener } from '../../src/http/metrics-route.ts';
import { startServer } from '../../src/http/server.ts';
import { parseExposition } from '../helpers/exposition.ts';
import { testMetrics } from '../helpers/test-metrics.ts';
import { eventually, startTestServer, type TestServer } from './support.ts';

test('it is the text format, never cached, quiet in the log, there while the model loads', async (t) => {
  const server = await startTestServer(t, { status: { state: 'starting', readyWorkers: 0 } });
  const reply = await server.send('/metrics');
  assert.equal(reply.status, 200);
  assert.equal(reply.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(reply.headers.get('cache-control'), 'no-store');
  assert.equal(parseExposition(reply.body).value('crossrank_ready'), 0);
  const head = await server.send('/metrics', { method: 'HEAD' });
  assert.deepEqual([head.status, head.body], [200, '']);
  assert.equal((await server.send('/metrics', { method: 'POST' })).status, 405);
  assert.equal((await server.send('/tei/metrics')).status, 404);
  await eventually(() => lines(server).length === 4);
  assert.deepEqual(
    lines(server).map(({ path, level }) => [path, level]),
    [
      ['/metrics', 'debug'],
      ['/metrics', 'debug'],
      ['/metrics', 'debug'],
      ['/tei/metrics', 'info'],
    ],
  );
});

test('with API keys it needs one, unless --metrics-auth is off', async (t) => {
  const closed = await startTestServer(t, { flags: { 'api-key': 'secret' } });
  assert.equal((await closed.send('/metrics')).status, 401);
  assert.equal((await closed.send('/metrics', { headers: { authorization: 'Bearer secret' } })).status, 200);
  const open = await startTestServer(t, { flags: { 'api-key': 'secret', 'metrics-auth': 'off' } });
  assert.equal((await open.send('/metrics')).status, 200);
  assert.equal((await open.send('/info')).status, 401);
  const { paths } = (await open.send('/openapi.json', { headers: { authorization: 'secret' } })).body;
  assert.deepEqual([paths['/metrics'].get.security, paths['/metrics'].get.responses['401']], [undefined, undefined]);
});

test('requests are counted by the dialect that answered, refusals by their reason, probes not at all', async (t) => {
  const server = await startTestServer(t, {
    rank: async () => {
      throw new RerankError('overloaded', 'full', { retryAfterSeconds: 1 });
    },
  });
  await server.post('/predict', { inputs: ['a', 'b'] });
  await server.post('/rerank', { query: 'q', texts: ['a', 'b', 'c'] });
  await server.post('/rerank', {});
  await server.post('/cohere/v1/rerank', '{');
  await server.post('/nowhere', {});
  await server.send('/health');
  await eventually(() => lines(server).length === 6);
  const { value } = parseExposition((await server.send('/metrics')).body);
  const count = (dialect: string, method: string) => value('te_request_count', { dialect, method });
  assert.deepEqual(
    [count('tei', 'single'), count('tei', 'batch'), count('superset', 'batch'), count('cohere', 'batch')],
    [1, 1, 1, 1],
  );
  assert.deepEqual([value('te_predict_count', { dialect: 'tei' }), value('te_predict_success', { dialect: 'tei' })], [4, 1]);
  const rejected = (dialect: string, reason: string) => value('crossrank_requests_rejected_total', { dialect, reason });
  assert.deepEqual(
    [rejected('tei', 'overloaded'), rejected('superset', 'validation'), rejected('cohere', 'malformed_body')],
    [1, 1, 1],
  );
  assert.equal(rejected('native', 'not_found'), 1, 'of an unknown path: the default wording');
  assert.equal(value('crossrank_requests_in_flight'), 0);
});

test('a path or method a client invents becomes no label', async (t) => {
  const server = await startTestServer(t);
  const before = (await server.send('/metrics')).body.split('\n').length;
  for (const path of ['/%7Bmodel%7D', '/rerank/x', '/..%2f', '/a"b\\c']) await server.send(path);
  await server.send('/rerank', { method: 'DELETE' });
  const { body } = await server.send('/metrics');
  assert.equal(body.split('\n').length, before);
  assert.ok(!body.includes('DELETE') && !body.includes('rerank/x'));
});

test('the port of its own serves /metrics, without a key, and nothing else', async (t) => {
  const server = await startServer(
    metricsListener(testMetrics()),
    { ...loadConfig({}, {}).config, port: 0 },
    { portFlag: '--prometheus-port' },
  );
  t.after(() => server.stop(0));
  const get = (path: string, init?: RequestInit) => fetch(server.url + path, init);
  const reply = await get('/metrics?x=1');
  assert.deepEqual([reply.status, reply.headers.get('content-type')], [200, 'text/plain; version=0.0.4; charset=utf-8']);
  assert.ok((await reply.text()).includes('te_request_count{'));
  assert.equal((await get('/metrics', { method: 'HEAD' })).status, 200);
  assert.deepEqual([(await get('/')).status, (await get('/rerank')).status], [404, 404]);
  const posted = await get('/metrics', { method: 'POST' });
  assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD']);
});

test('when its port is taken, or reading fails, that is said', async (t) => {
  const settings = loadConfig({}, {}).config;
  const broken = { contentType: 'text/plain', text: () => Promise.reject(new Error('no')) };
  const first = await startServer(metricsListener(broken), { ...settings, port: 0 }, { portFlag: '--prometheus-port' });
  t.after(() => first.stop(0));
  assert.equal((await fetch(`${first.url}/metrics`)).status, 500);
  await assert.rejects(
    startServer(metricsListener(broken), { ...settings, port: first.port }, { portFlag: '--prometheus-port' }),
    {
      code: 'config',
      message: `cannot listen on 127.0.0.1:${first.port}: port ${first.port} is already in use; choose another with --prometheus-port`,
    },
  );
});

function lines(server: TestServer): Record<string, unknown>[] {
  return server.logLines.filter(({ message }) => message === 'request');
}
