// The whole server seen from outside: metrics of a real model, spans at a collector, and what is loaded without one.

import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseExposition } from '../helpers/exposition.ts';
import { repoRoot } from '../helpers/paths.ts';
import { startCollector } from '../tracing/collector.ts';
import { Crossrank, type CrossrankOptions } from './process.ts';

const MODEL = join(repoRoot, 'test/oracle/fixtures/models/bert');
const BODY = JSON.stringify({ query: 'what is a panda', texts: ['the giant panda is a bear', 'hello', 'hello again'] });

test('what was scored shows on both ports: pairs, tokens, batches, busy workers', async (t) => {
  const { url, metricsUrl, process } = await serve(t, ['--prometheus-port', '0', '--api-key', 'k']);
  const before = parseExposition(await (await fetch(metricsUrl)).text());
  assert.deepEqual([before.value('crossrank_ready'), before.value('crossrank_tokens_total')], [1, 0]);
  const sent = await fetch(`${url}/rerank`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'k' },
    body: BODY,
  });
  assert.equal(sent.status, 200);
  assert.equal((await fetch(`${url}/metrics`)).status, 401);
  await process.logLine('request'); // an answer is counted when it is complete
  const { value } = parseExposition(await (await fetch(`${url}/metrics`, { headers: { authorization: 'k' } })).text());
  assert.equal(value('te_predict_success', { dialect: 'tei', model: 'bert' }), 3);
  assert.equal(value('te_request_input_length_count'), 3);
  assert.ok(value('crossrank_tokens_total') > 10 && value('crossrank_worker_busy_seconds_total') > 0);
  assert.equal(
    value('crossrank_requests_rejected_total', { dialect: 'native', reason: 'unauthorized' }),
    0,
    'a scrape is no request',
  );
  assert.equal(value('crossrank_build_info', { onnxruntime: '1.30.0' }), 1);
  assert.ok(value('process_resident_memory_bytes') > 10_000_000 && value('nodejs_eventloop_lag_max_seconds') > 0);
  process.child.kill('SIGTERM');
  assert.equal((await process.finished).code, 0);
});

test('a metrics port that is taken stops the start with a reason', async (t) => {
  const { metricsUrl } = await serve(t, ['--prometheus-port', '0']);
  const { port } = new URL(metricsUrl);
  const second = new Crossrank(t, [...BASE, '--prometheus-port', port]);
  const { code, stderr } = await second.finished;
  assert.notEqual(code, 0);
  assert.match(stderr, new RegExp(`port ${port} is already in use; choose another with --prometheus-port`));
});

test('spans reach the collector of the environment, the last ones at the end of the process', async (t) => {
  const collector = await startCollector(t);
  const { url, process } = await serve(t, [], {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SERVICE_NAME: 'shop' },
  });
  const sent = await fetch(`${url}/tei/rerank`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: BODY });
  assert.equal(sent.status, 200);
  process.child.kill('SIGTERM');
  assert.equal((await process.finished).code, 0);
  assert.deepEqual(collector.spans.map(({ name }) => name).sort(), ['POST /tei/rerank', 'inference', 'queue', 'tokenization']);
  const request = collector.spans.find(({ kind }) => kind === 2);
  assert.equal(request?.resource['service.name'], 'shop');
  assert.ok(sent.headers.get('traceresponse')?.startsWith(`00-${request?.traceId}-${request?.spanId}-`));
});

test('a collector that takes connections and never answers holds neither requests nor the end of the process', async (t) => {
  const open = new Set<Socket>();
  const silent = createServer((socket) => open.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of open) socket.destroy();
    silent.close();
  });
  const { port } = silent.address() as AddressInfo;
  const { url, process } = await serve(t, ['--otlp-endpoint', `http://127.0.0.1:${port}`]);
  const sent = await fetch(`${url}/rerank`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: BODY });
  assert.equal(sent.status, 200);
  process.child.kill('SIGTERM');
  const { code, signal, stderr } = await process.finished;
  assert.deepEqual([code, signal], [0, null]);
  assert.ok(stderr.includes('"message":"stopped"') && open.size > 0, 'the last spans were tried');
});

test('without a collector nothing of OpenTelemetry is loaded but the interface that prom-client requires', async (t) => {
  const listLoaded = `data:text/javascript,${encodeURIComponent(
    `import { createRequire } from 'node:module';
     const { cache } = createRequire('/');
     process.on('exit', () => console.error('LOADED ' + JSON.stringify(Object.keys(cache).filter((path) => path.includes('@opentelemetry')))));`,
  )}`;
  const loaded = async (flags: readonly string[]) => {
    const { process, url } = await serve(t, flags, { nodeFlags: ['--import', listLoaded] });
    await fetch(`${url}/metrics`);
    process.child.kill('SIGTERM');
    const { stderr } = await process.finished;
    const paths = JSON.parse(/^LOADED (.*)$/m.exec(stderr)?.[1] ?? 'null') as string[];
    return [...new Set(paths.map((path) => /@opentelemetry\/[\w-]+/.exec(path)![0]))].sort();
  };
  assert.deepEqual(await loaded([]), ['@opentelemetry/api']);
  const collector = await startCollector(t);
  const withCollector = await loaded(['--otlp-endpoint', collector.url]);
  assert.ok(withCollector.includes('@opentelemetry/sdk-trace-base'), 'the list sees what is loaded');
});

const BASE = ['serve', '--model-id', MODEL, '--port', '0', '--json-output', '--workers', '1'];

interface Served {
  readonly process: Crossrank;
  readonly url: string;
  readonly metricsUrl: string;
}

async function serve(test: TestContext, flags: readonly string[], options: CrossrankOptions = {}): Promise<Served> {
  const process = new Crossrank(test, [...BASE, ...flags], options);
  const { metrics_url } = await process.logLine('listening; the model is being loaded');
  const { url } = await process.logLine('ready');
  return { process, url: String(url), metricsUrl: String(metrics_url) };
}
