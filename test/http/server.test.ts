// The listening server: clients that leave, drains, slow senders, and addresses that cannot be had.

import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import type { RerankError } from '../../src/errors.ts';
import { startServer } from '../../src/http/server.ts';
import type { CallContext, RankRequest, RankResult } from '../../src/rerank/types.ts';
import { eventually, rankLastFirst, startTestServer, type TestServer } from './support.ts';

test('a client that leaves aborts the signal and is logged as 499', async (t) => {
  const server = await startTestServer(t, { rank: untilAborted });
  const leaving = new AbortController();
  const sent = server.send('/rank', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: GOOD,
    signal: leaving.signal,
  });
  await eventually(() => server.calls.length === 1);
  const { signal } = server.calls[0]!.context;
  assert.equal(signal?.aborted, false);
  leaving.abort();
  await assert.rejects(sent);
  await eventually(() => signal?.aborted === true);
  assert.equal((signal?.reason as RerankError | undefined)?.code, 'cancelled');
  await eventually(() => accessLines(server).length === 1);
  assert.deepEqual([accessLines(server)[0]!.status, accessLines(server)[0]!.error], [499, 'cancelled']);
});

test('a client that leaves in the middle of its body reaches no service', async (t) => {
  const server = await startTestServer(t);
  const socket = connect(server.server.port, '127.0.0.1', () => {
    socket.write(
      'POST /rank HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"query":',
    );
    setTimeout(() => socket.destroy(), 20);
  });
  await eventually(() => accessLines(server).length === 1);
  assert.equal(accessLines(server)[0]!.status, 499);
  assert.equal(server.calls.length, 0);
});

test('an answered request does not abort its signal', async (t) => {
  const server = await startTestServer(t);
  await server.post('/rank', GOOD);
  await eventually(() => accessLines(server).length === 1);
  assert.equal(server.calls[0]!.context.signal?.aborted, false);
});

test('once answers close: accepted work finishes and ends its connection, later work is told 503', async (t) => {
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const server = await startTestServer(t, { rank: (call) => gate.then(() => rankLastFirst(call)) });
  const accepted = server.post('/rank', GOOD);
  await eventually(() => server.calls.length === 1);
  server.draining = true;
  let answered = false;
  server.server.closeAfterAnswers();
  const drain = server.server.answered().then(() => {
    answered = true;
  });
  const refused = await server.post('/rank', GOOD);
  assert.deepEqual([refused.status, refused.headers.get('connection')], [503, 'close']);
  assert.equal(answered, false);
  open();
  const answer = await accepted;
  assert.deepEqual([answer.status, answer.headers.get('connection')], [200, 'close']);
  await drain;
  await server.server.stop(1000);
  await assert.rejects(server.send('/health'));
});

test('a port that is left takes no connections; an idle one is served once more, then the server is empty', async (t) => {
  const server = await startTestServer(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  assert.equal(await statusOf(server, agent), 200);
  await eventually(() => Object.values(agent.freeSockets).flat().length === 1);
  const [idle] = Object.values(agent.freeSockets).flat();
  server.server.closeAfterAnswers();
  server.server.leavePort();
  await assert.rejects(server.send('/health'), 'no new connections');
  assert.equal(idle?.destroyed, false);
  const emptied = server.server.emptied();
  assert.equal(await statusOf(server, agent), 200, 'the open connection is answered');
  await emptied;
  await eventually(() => idle?.destroyed === true);
});

test('an idle connection of a port that is left ends by its keep-alive time', async (t) => {
  const server = await startTestServer(t, { flags: { 'keep-alive-timeout': '0.2' } });
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  assert.equal(await statusOf(server, agent), 200);
  server.server.leavePort();
  await server.server.emptied();
});

test('stop closes idle keep-alive connections', async (t) => {
  const server = await startTestServer(t);
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  await statusOf(server, agent);
  await eventually(() => Object.values(agent.freeSockets).flat().length === 1);
  await server.server.stop(60_000);
  await eventually(() => Object.values(agent.freeSockets).flat().length === 0);
});

test('stop cuts what does not end by itself', async (t) => {
  const server = await startTestServer(t, { rank: untilAborted });
  const sent = assert.rejects(server.post('/rank', GOOD));
  await eventually(() => server.calls.length === 1);
  await server.server.stop(20);
  await sent;
});

test('a client that sends its body too slowly gets 408', async (t) => {
  const server = await startTestServer(t, { flags: { 'body-timeout': '0.2', 'headers-timeout': '0.2' } });
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect(server.server.port, '127.0.0.1', () => {
      socket.write('POST /rank HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{');
    });
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
  });
  assert.match(answer, /^HTTP\/1\.1 408 /);
  assert.equal(server.calls.length, 0);
});

test('an address in use, or none of ours, is one clear message', async (t) => {
  const server = await startTestServer(t);
  const { config } = loadConfig({}, {});
  const taken = startServer(() => {}, { ...config, port: server.server.port });
  await assert.rejects(
    taken,
    new RegExp(
      `^RerankError: cannot listen on 127.0.0.1:${server.server.port}: port \\d+ is already in use; choose another with --port$`,
    ),
  );
  const foreign = startServer(() => {}, { ...config, hostname: '192.0.2.1', port: 0 });
  await assert.rejects(foreign, { code: 'config', message: /no such address/ });
});

test('many requests on one connection and many connections at once', async (t) => {
  const server = await startTestServer(t);
  const replies = await Promise.all(
    Array.from({ length: 200 }, (_, index) => server.post('/rank', { query: 'q', documents: [`${index}`] })),
  );
  assert.ok(replies.every(({ status }) => status === 200));
  assert.equal(new Set(replies.map(({ body }) => body.id)).size, 200);
});

const GOOD = JSON.stringify({ query: 'q', documents: ['a'] });

function statusOf({ url }: TestServer, agent: Agent): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`${url}/health`, { agent }, (res) => res.resume().on('end', () => resolve(res.statusCode)))
      .on('error', reject)
      .end();
  });
}

/** A service that only ends when its caller leaves. */
function untilAborted(_request: RankRequest, { signal }: CallContext): Promise<RankResult> {
  return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
}

function accessLines(server: TestServer): Record<string, unknown>[] {
  return server.logLines.filter(({ message }) => message === 'request');
}
