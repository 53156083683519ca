// traceparent: continued in logs and answers when it is valid, as good as absent when it is not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTraceparent, parseTraceparent, unrecordedChild } from '../../src/trace-context.ts';
import { eventually, startTestServer } from './support.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const VALID = `00-${TRACE}-${SPAN}-01`;

test('a caller in a trace finds its id in the answer, in every log line of the request, and a span below its own', async (t) => {
  const server = await startTestServer(t);
  const reply = await server.post('/rerank', { query: 'q', documents: ['a'] }, { traceparent: VALID, tracestate: 'vendor=x' });
  const [, traceId, spanId, flags] = (reply.headers.get('traceresponse') ?? '').split('-');
  assert.deepEqual([traceId, flags], [TRACE, '00'], 'nothing is recorded here, and the answer says so');
  assert.match(spanId!, /^[0-9a-f]{16}$/);
  assert.notEqual(spanId, SPAN);
  await eventually(() => server.logLines.some(({ message }) => message === 'request'));
  assert.ok(server.logLines.length >= 2);
  for (const line of server.logLines) assert.deepEqual([line.trace_id, line.span_id], [TRACE, spanId]);
});

test('refused requests are in the trace, too; probes and callers without a trace are not', async (t) => {
  const server = await startTestServer(t, { flags: { 'api-key': 'k' } });
  const refused = await server.post('/rerank', {}, { traceparent: VALID });
  assert.equal(refused.status, 401);
  assert.ok(refused.headers.get('traceresponse')?.startsWith(`00-${TRACE}-`));
  assert.equal((await server.send('/health', { headers: { traceparent: VALID } })).headers.has('traceresponse'), false);
  assert.equal((await server.post('/rerank', {})).headers.has('traceresponse'), false);
});

test('a header that is not as the standard wants it is ignored', async (t) => {
  const server = await startTestServer(t);
  const wrong = [
    'x',
    `00-${TRACE}-${SPAN}`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `${VALID}, ${VALID}`,
    `00-${TRACE}-${SPAN}-0g`,
    'a'.repeat(5000),
  ];
  for (const traceparent of wrong) {
    const reply = await server.post('/rerank', { query: 'q', documents: ['a'] }, { traceparent });
    assert.deepEqual([reply.status, reply.headers.has('traceresponse')], [200, false], traceparent.slice(0, 80));
  }
});

test('a later version may say more; only flags with a meaning are kept', () => {
  assert.deepEqual(parseTraceparent(`01-${TRACE}-${SPAN}-ff-what-else`, 'a=b'), {
    traceId: TRACE,
    spanId: SPAN,
    flags: 3,
    state: 'a=b',
  });
  assert.equal(formatTraceparent({ traceId: TRACE, spanId: SPAN, flags: 1, state: null }), VALID);
  const child = unrecordedChild({ traceId: TRACE, spanId: SPAN, flags: 3, state: null });
  assert.deepEqual([child.traceId, child.flags], [TRACE, 2], 'the trace id stays random, nothing is recorded');
});
