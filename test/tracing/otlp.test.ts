// Spans as a collector gets them: one a request with its phases, continued from the caller's trace, never a text; and no collector at all.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { traceSettings } from '../../src/config.ts';
import { RerankError } from '../../src/errors.ts';
import type { LogFields, Logger } from '../../src/logger.ts';
import { callPhases } from '../../src/tracing/call-phases.ts';
import { startTracing, type Tracing, UNRECORDED } from '../../src/tracing.ts';
import { eventually, startTestServer, type TestServerOptions } from '../http/support.ts';
import { type CollectedSpan, startCollector } from './collector.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const BODY = { query: 'SECRET query', texts: ['SECRET one', 'two'] };

test("a request is one server span with its phases below it, in its caller's trace", async (t) => {
  const { collector, server, tracing } = await traced(t);
  const reply = await server.post('/tei/rerank', BODY, { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'vendor=x' });
  await tracing.close();
  const [request, ...others] = ordered(collector.spans);
  assert.deepEqual([request?.traceId, request?.parentSpanId, request?.traceState], [TRACE, PARENT, 'vendor=x']);
  assert.deepEqual([request?.name, request?.kind, request?.status.code ?? 0], ['POST /tei/rerank', 2, 0]);
  assert.equal(reply.headers.get('traceresponse'), `00-${TRACE}-${request?.spanId}-01`);
  assert.deepEqual(pick(request, ['http.request.method', 'http.route', 'url.path', 'http.response.status_code', 'error.type']), [
    'POST',
    '/tei/rerank',
    '/tei/rerank',
    200,
    undefined,
  ]);
  const ours = [
    'crossrank.dialect',
    'crossrank.model',
    'crossrank.pairs',
    'crossrank.tokens',
    'crossrank.truncated',
    'crossrank.request_id',
  ];
  assert.deepEqual(pick(request, ours), ['tei', 'fake', 2, 6, 1, reply.headers.get('x-request-id')]);
  assert.deepEqual([request?.resource['service.name'], request?.resource['deployment.environment']], ['shop', 'test']);
  assert.deepEqual(
    others.map(({ name, parentSpanId }) => [name, parentSpanId]),
    [
      ['queue', request?.spanId],
      ['tokenization', request?.spanId],
      ['inference', request?.spanId],
    ],
  );
  for (const span of collector.spans) assert.ok(BigInt(span.startTimeUnixNano) <= BigInt(span.endTimeUnixNano), span.name);
  assert.ok(!collector.text.includes('SECRET'));
  assert.deepEqual([collector.exports[0]?.path, collector.exports[0]?.headers['x-token']], ['/v1/traces', 'a b']);
});

test("without a caller's trace a new one begins; log lines have its ids; probes have none", async (t) => {
  const { collector, server, tracing } = await traced(t);
  await server.send('/health');
  await server.send('/metrics');
  await server.post('/rerank', BODY, { traceparent: 'nonsense' });
  await eventually(() => server.logLines.some(({ path }) => path === '/rerank'));
  await tracing.close();
  const [request] = ordered(collector.spans);
  assert.equal(collector.spans.filter(({ kind }) => kind === 2).length, 1);
  assert.equal(request?.parentSpanId, undefined);
  const line = server.logLines.find(({ path }) => path === '/rerank');
  assert.deepEqual([line?.trace_id, line?.span_id], [request?.traceId, request?.spanId]);
});

test('failures of the server are errors, refusals are not; what is not served has no route', async (t) => {
  const { collector, server, tracing } = await traced(t, {
    rank: async () => {
      throw new RerankError('inference', 'no');
    },
  });
  await server.post('/rank', { query: 'q', documents: ['a'] });
  await server.post('/rank', { query: 'q' });
  await server.send('/SECRET'.repeat(50));
  await eventually(() => server.logLines.filter(({ message }) => message === 'request').length === 3);
  await tracing.close();
  const seen = collector.spans.map((span) => [
    span.name,
    span.status.code ?? 0,
    ...pick(span, ['error.type', 'crossrank.error', 'crossrank.pairs']),
  ]);
  assert.deepEqual(seen, [
    ['POST /rank', 2, 'inference', 'inference', 1],
    ['POST /rank', 0, undefined, 'validation', undefined],
    ['GET', 0, undefined, 'not_found', undefined],
  ]);
  assert.equal(String(collector.spans[2]?.attributes['url.path']).length, 103, 'a hundred characters and `...`');
});

test('the sampler follows the caller, or keeps the share that was asked for', async (t) => {
  const followed = await traced(t);
  const reply = await followed.server.post('/rerank', BODY, { traceparent: `00-${TRACE}-${PARENT}-00` });
  assert.match(reply.headers.get('traceresponse') ?? '', new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  const none = await traced(t, {}, { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' });
  await none.server.post('/rerank', BODY, { traceparent: `00-${TRACE}-${PARENT}-01` });
  const off = await traced(t, {}, { OTEL_TRACES_SAMPLER: 'always_off' });
  await off.server.post('/rerank', BODY);
  for (const { tracing, collector } of [followed, none, off]) {
    await tracing.close();
    assert.deepEqual(collector.exports, []);
  }
});

test('a collector that refuses costs one warning, and requests nothing', async (t) => {
  const { collector, server, tracing, warnings } = await traced(t, {}, { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=hidden' });
  collector.status = 400;
  assert.equal((await server.post('/rerank', BODY)).status, 200);
  await tracing.close();
  assert.equal(collector.exports.length, 1);
  assert.deepEqual(
    warnings.map(({ message }) => message),
    ['spans cannot be sent and are dropped'],
  );
  assert.ok(!JSON.stringify(warnings).includes('hidden'));
});

test('a collector that takes and never answers holds neither requests nor the end', async (t) => {
  const silent = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as { port: number };
  t.after(() => silent.close());
  const { server, tracing } = await traced(t, {}, { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
  assert.equal((await server.post('/rerank', BODY)).status, 200);
  await tracing.close(); // the test's own limit is far above the three seconds this takes
});

test('phases lie end to end; what several workers did at once is shown in proportion', () => {
  const one = callPhases(100, { queueMs: 10, tokenizationMs: 2, inferenceMs: 8, totalMs: 21 });
  assert.deepEqual(
    one.map(({ startMs, endMs }) => [startMs, endMs]),
    [
      [100, 110],
      [110, 112],
      [112, 120],
    ],
  );
  const tokens = callPhases(0, { queueMs: 1, tokenizationMs: 2, inferenceMs: 0, totalMs: 3 });
  assert.deepEqual(
    tokens.map(({ name }) => name),
    ['queue', 'tokenization'],
  );
  const many = callPhases(0, { queueMs: 10, tokenizationMs: 20, inferenceMs: 80, totalMs: 60 });
  assert.deepEqual(
    many.map(({ startMs, endMs, workerSeconds }) => [startMs, endMs, workerSeconds]),
    [
      [0, 10, null],
      [10, 20, 0.02],
      [20, 60, 0.08],
    ],
  );
  const none = callPhases(5, { queueMs: 0, tokenizationMs: 0, inferenceMs: 0, totalMs: 0 });
  assert.ok(none.every(({ startMs, endMs }) => startMs === 5 && endMs === 5));
});

test('settings: nothing without an endpoint; the variables of OpenTelemetry are understood, nonsense in them is said', async () => {
  const options = { otlpEndpoint: 'http://c:4318', otlpServiceName: 's' };
  assert.equal(traceSettings({ ...options, otlpEndpoint: null }, { OTEL_TRACES_SAMPLER: 'nonsense' }), null);
  assert.equal(await startTracing(null, NO_LOGGER), UNRECORDED);
  const url = (otlpEndpoint: string) => traceSettings({ ...options, otlpEndpoint }, {})?.url;
  assert.deepEqual(
    [url('http://c:4318'), url('http://c/otel/'), url('https://c/v1/traces?k=1')],
    ['http://c:4318/v1/traces', 'http://c/otel/v1/traces', 'https://c/v1/traces?k=1'],
  );
  assert.match(traceSettings({ ...options, otlpEndpoint: 'http://c:4317' }, {})?.warnings[0] ?? '', /4318/);
  const { headers, attributes, sampler } = traceSettings(options, {
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, x=1=2',
    OTEL_RESOURCE_ATTRIBUTES: 'k8s.pod.name=p',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
  })!;
  assert.deepEqual(
    [headers, attributes, sampler],
    [{ 'api-key': 'a b', x: '1=2' }, { 'k8s.pod.name': 'p' }, { name: 'parentbased_traceidratio', share: 0.25 }],
  );
  for (const wrong of [
    { OTEL_TRACES_SAMPLER: 'some' },
    { OTEL_TRACES_SAMPLER_ARG: '2' },
    { OTEL_EXPORTER_OTLP_HEADERS: 'secret' },
    { OTEL_EXPORTER_OTLP_HEADERS: 'a=%zz' },
  ])
    assert.throws(
      () => traceSettings(options, wrong),
      (error: RerankError) => error.code === 'config' && !/secret|%zz/.test(error.message),
    );
  assert.throws(() => traceSettings({ ...options, otlpEndpoint: 'collector:4318' }, {}), { code: 'config' });
});

const NO_LOGGER: Logger = { error() {}, warn() {}, info() {}, debug() {}, child: () => NO_LOGGER };

async function traced(test: TestContext, options: TestServerOptions = {}, environment: Record<string, string> = {}) {
  const collector = await startCollector(test);
  const warnings: { readonly message: string; readonly fields: LogFields | undefined }[] = [];
  const warn: Logger['warn'] = (message, fields) => {
    warnings.push({ message, fields: typeof fields === 'function' ? fields() : fields });
  };
  const logger: Logger = { ...NO_LOGGER, warn };
  const variables = {
    OTEL_EXPORTER_OTLP_HEADERS: 'x-token=a%20b',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test',
    ...environment,
  };
  const otlpEndpoint = environment.OTEL_EXPORTER_OTLP_ENDPOINT ?? collector.url;
  const tracing: Tracing = await startTracing(traceSettings({ otlpEndpoint, otlpServiceName: 'shop' }, variables), logger);
  test.after(() => tracing.close());
  const server = await startTestServer(test, { ...options, tracer: tracing.tracer });
  return { collector, server, tracing, warnings };
}

/** The server span first, its phases in the order of their start. */
function ordered(spans: readonly CollectedSpan[]): readonly CollectedSpan[] {
  const phases = ['queue', 'tokenization', 'inference'];
  return spans.toSorted((a, b) => phases.indexOf(a.name) - phases.indexOf(b.name));
}

function pick(span: CollectedSpan | undefined, keys: readonly string[]): unknown[] {
  return keys.map((key) => span?.attributes[key]);
}
