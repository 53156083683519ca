import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callerTimeoutSeconds, urgencyOf } from '../../src/http/call-headers.ts';
import { startTestServer } from './support.ts';

const BODY = { query: 'q', documents: ['d'] };

test('Priority is read as RFC 9218 says, and what it does not know is the default', () => {
  const cases: readonly (readonly [string | undefined, number])[] = [
    [undefined, 3],
    ['', 3],
    ['u=0', 0],
    ['u=7, i', 7],
    ['i, u=5', 5],
    ['u=2;x=1', 2],
    ['u=8', 3],
    ['u=-1', 3],
    ['u=10', 3],
    ['xu=1', 3],
    ['urgent', 3],
  ];
  for (const [header, urgency] of cases) assert.equal(urgencyOf(header), urgency, header);
});

test('X-Request-Timeout takes seconds and nothing else', () => {
  assert.equal(callerTimeoutSeconds(undefined), null);
  assert.equal(callerTimeoutSeconds(' '), null);
  assert.equal(callerTimeoutSeconds('2.5'), 2.5);
  assert.equal(callerTimeoutSeconds(' .25 '), 0.25);
  for (const wrong of ['0', '-1', '1e3', '5s', 'soon', '0x10', 'Infinity', '86401', '1,5'])
    assert.throws(() => callerTimeoutSeconds(wrong), { code: 'validation', field: 'X-Request-Timeout' }, wrong);
});

test('both headers reach the service; a caller cannot have more time than the server gives', async (t) => {
  const { post, calls } = await startTestServer(t, { flags: { 'request-timeout': '60' } });
  await post('/rank', BODY, { 'X-Request-Timeout': '5', Priority: 'u=6' });
  await post('/rank', BODY, { 'X-Request-Timeout': '3600' });
  await post('/rank', BODY);
  const left = calls.map(({ context }) => (context.deadlineMs - performance.now()) / 1000);
  assert.ok(left[0]! <= 5 && left[1]! > 5 && left[1]! <= 60 && left[2]! > 5, String(left));
  assert.deepEqual(
    calls.map(({ context }) => context.urgency),
    [6, 3, 3],
  );
});

test('a timeout that is none is refused in the dialect, before anything is scored', async (t) => {
  const { post, calls } = await startTestServer(t);
  const native = await post('/rank', BODY, { 'X-Request-Timeout': 'soon' });
  assert.deepEqual([native.status, native.body.error.field], [422, 'X-Request-Timeout']);
  const tei = await post('/rerank', { query: 'q', texts: ['d'] }, { 'X-Request-Timeout': '-1' });
  assert.deepEqual([tei.status, tei.body.error_type], [422, 'Validation']);
  assert.equal(calls.length, 0);
});
