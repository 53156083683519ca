// Memory of bodies in flight: what is over the bound is refused, what has been answered is room again, announcements take none.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { BodyBudget } from '../../src/http/body-budget.ts';
import { eventually, rankLastFirst, startTestServer } from './support.ts';

const MIB = 2 ** 20;

/** While it is read a text counts twice: as it came, and as it will be. */
const LIMITS = { 'payload-limit': '20000', 'max-inflight-bytes': '24000' };

function bodyOf(bytes: number): string {
  const empty = JSON.stringify({ query: '', documents: ['d'] });
  return JSON.stringify({ query: 'q'.repeat(bytes - empty.length), documents: ['d'] });
}

/** A service that answers when told to. */
function heldService(): { readonly rank: typeof rankLastFirst; release(): void } {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { rank: (request) => released.then(() => rankLastFirst(request)), release };
}

test('bodies being answered count: beyond the bound is 429 with Retry-After, and room comes back', async (t) => {
  const held = heldService();
  const server = await startTestServer(t, { rank: held.rank, flags: LIMITS });
  const first = server.post('/rank', bodyOf(10_000));
  await eventually(() => server.calls.length === 1);
  const refused = await server.post('/rank', bodyOf(10_000));
  assert.deepEqual([refused.status, refused.body.error.code, refused.headers.get('retry-after')], [429, 'overloaded', '1']);
  const small = server.post('/rank', bodyOf(1000));
  await eventually(() => server.calls.length === 2);
  held.release();
  assert.deepEqual([(await first).status, (await small).status], [200, 200]);
  assert.equal((await server.post('/rank', bodyOf(10_000))).status, 200);
});

test('a body counts with what it is after decompression', async (t) => {
  const held = heldService();
  const server = await startTestServer(t, { rank: held.rank, flags: LIMITS });
  const first = server.post('/rank', gzipSync(bodyOf(10_000)), { 'content-encoding': 'gzip' });
  await eventually(() => server.calls.length === 1);
  const second = await server.post('/rank', gzipSync(bodyOf(10_000)), { 'content-encoding': 'gzip' });
  assert.deepEqual([second.status, second.body.error.code], [429, 'overloaded']);
  held.release();
  assert.equal((await first).status, 200);
});

test('connections that announce much and send nothing take no room', async (t) => {
  const server = await startTestServer(t, { flags: LIMITS });
  const idle = Array.from({ length: 20 }, () => connect(server.server.port, '127.0.0.1'));
  await Promise.all(idle.map((socket) => once(socket, 'connect')));
  for (const socket of idle)
    socket.write('POST /rank HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 19999\r\n\r\n{');
  assert.equal((await server.post('/rank', bodyOf(10_000))).status, 200);
  for (const socket of idle) socket.destroy();
});

test('a body of no declared length that outgrows the bound is refused while it comes, and its connection ends', async (t) => {
  const held = heldService();
  const server = await startTestServer(t, { rank: held.rank, flags: LIMITS });
  const first = server.post('/rank', bodyOf(10_000));
  await eventually(() => server.calls.length === 1);
  const socket = connect(server.server.port, '127.0.0.1');
  t.after(() => socket.destroy());
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
  });
  socket.write('POST /rank HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n');
  socket.write(`${(16_000).toString(16)}\r\n${' '.repeat(16_000)}\r\n`);
  await once(socket, 'close');
  assert.match(answer, /^HTTP\/1\.1 429 [\s\S]*connection: close[\s\S]*"overloaded"/i);
  assert.equal(server.calls.length, 1);
  held.release();
  assert.equal((await first).status, 200);
  assert.equal((await server.post('/rank', bodyOf(11_000))).status, 200, 'its bytes were given back');
});

test('a body that alone would take more than all may is 413, however much room there is', async (t) => {
  const server = await startTestServer(t, { flags: LIMITS });
  const large = await server.post('/rank', bodyOf(15_000));
  assert.deepEqual([large.status, large.body.error.code], [413, 'payload_too_large']);
  const objects = { query: 'q', documents: Array.from({ length: 300 }, () => ({ text: '' })) };
  assert.equal((await server.post('/rank', objects)).status, 413, 'a few thousand bytes that hold far more');
  const wide = bodyOf(8000);
  assert.equal((await server.post('/rank', wide)).status, 200);
  assert.equal((await server.post('/rank', wide.replace('q', '熊'))).status, 413, 'two bytes a character');
  assert.equal((await server.post('/rank', wide.replace('q', '\\u718a'))).status, 413);
});

test('a client that leaves gives its bytes back', async (t) => {
  const held = heldService();
  t.after(() => held.release());
  const server = await startTestServer(t, { rank: held.rank, flags: LIMITS });
  const leaving = new AbortController();
  const left = server.send('/rank', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: bodyOf(11_000),
    signal: leaving.signal,
  });
  await eventually(() => server.calls.length === 1);
  leaving.abort();
  await assert.rejects(left);
  await eventually(() => server.calls[0]!.context.signal!.aborted);
  const next = server.post('/rank', bodyOf(11_000));
  await eventually(() => server.calls.length === 2);
  held.release();
  assert.equal((await next).status, 200);
});

test('large bodies leave room for small ones', () => {
  const budget = new BodyBudget(8 * MIB);
  budget.open().hold(6 * MIB);
  assert.throws(() => budget.checkRoom(1.5 * MIB), { code: 'overloaded' });
  assert.throws(() => budget.checkRoom(7.5 * MIB), { code: 'payload_too_large' });
  budget.open().hold(MIB);
  for (let i = 0; i < 4; i += 1) budget.open().hold(MIB / 4);
  assert.throws(() => budget.open().hold(1), { code: 'overloaded' });
});

test('a body gives its room back when the answer is written, however long a client takes to read it', async (t) => {
  const server = await startTestServer(t, { flags: { 'payload-limit': '4000000', 'max-inflight-bytes': '16000000' } });
  const body = JSON.stringify({ query: 'q'.repeat(3_000_000), documents: ['d'] });
  // Bodies of 3 MB hold 6: three that wait for their clients would leave no room for a fourth.
  const silent = Array.from({ length: 4 }, () => connect(server.server.port, '127.0.0.1').pause());
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  for (const [index, socket] of silent.entries()) {
    socket.write(
      `POST /rank HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    socket.write(body);
    await eventually(() => server.calls.length === index + 1);
  }
  for (const socket of silent) socket.destroy();
});
