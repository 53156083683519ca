// Answers that are not taken: the connection is cut, its share of the budget comes back, and who takes an answer slowly gets it.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { AnswerWatch, type CutAnswer } from '../../src/http/answer-watch.ts';
import { eventually, startTestServer, type TestServer } from './support.ts';

const CUT = 'a client does not take its answer; its connection is cut';

/** Two answers with it are more than the kernel holds for both ends of a connection. */
const DOCUMENT = 'x'.repeat(24_000_000);
const LARGE = JSON.stringify({ query: 'q', documents: [DOCUMENT], return_documents: true });

test('an answer that nobody reads is cut, reported as 499, and its share of the budget comes back', async (t) => {
  const server = await startTestServer(t, { flags: { 'answer-timeout': '0.4' } });
  await asking(t, server, LARGE, LARGE);
  await eventually(() => server.budget.usedBytes > DOCUMENT.length, PATIENCE_MS); // what waits of the answers
  await cutBy(server);
  await eventually(() => server.budget.usedBytes === 0, PATIENCE_MS);
  assert.equal(linesOf(server, CUT).length, 1);
  const [line] = linesOf(server, 'request');
  assert.deepEqual([line!['status'], line!['error']], [499, 'cancelled']);
  assert.equal((await server.post('/rank', { query: 'q', documents: ['a'] })).status, 200);
});

test('answers that wait behind one that nobody reads give their share back, too', async (t) => {
  const server = await startTestServer(t, { flags: { 'answer-timeout': '0.4' } });
  const small = JSON.stringify({ query: 'q', documents: ['y'.repeat(100_000)], return_documents: true });
  await asking(t, server, LARGE, LARGE, small, small, small);
  await eventually(() => server.calls.length >= 2, PATIENCE_MS);
  await cutBy(server);
  await eventually(() => server.budget.usedBytes === 0, PATIENCE_MS);
  await server.server.answered();
});

test('the description and the documentation are cut alike, and a client that has said its last word', async (t) => {
  const server = await startTestServer(t, { flags: { 'answer-timeout': '0.4' } });
  const pipelined = 'GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(20);
  const sockets = [await opened(t, server), await opened(t, server)];
  for (const socket of sockets) socket.write(pipelined);
  sockets[1]!.end();
  await cutBy(server); // both: no connection is left
});

test('while answers keep others out, a slow client has seconds instead of the whole time', async (t) => {
  const server = await startTestServer(t, { flags: { 'answer-timeout': '600', 'max-inflight-bytes': '200000000' } });
  await asking(t, server, LARGE, LARGE);
  await eventually(() => server.calls.length > 0, PATIENCE_MS);
  server.budget.add(110_000_000); // answers of other clients that wait
  await cutBy(server);
  const [line] = linesOf(server, CUT);
  assert.equal(line!['crowded'], true);
});

test('a client that reads is answered in full, whatever the size', async (t) => {
  const server = await startTestServer(t, { flags: { 'answer-timeout': '0.4' } });
  const answer = await server.post('/rank', LARGE);
  assert.ok(JSON.stringify(answer.body).includes(DOCUMENT)); // an assertion that shows both would fill the screen
  await eventually(() => server.budget.usedBytes === 0, PATIENCE_MS);
});

test('a window is cut by the bytes taken in it: the slowest pace passes, one byte less does not', () => {
  const cut = { steady: 0, slower: 0 };
  const watchOf = (name: keyof typeof cut) => watching(() => (cut[name] += 1));
  const steady = watchOf('steady');
  const slower = watchOf('slower');
  for (let second = 0; second < 100; second += 1) {
    steady.takes(16 * 1024);
    slower.takes(16 * 1024 - 1);
  }
  assert.deepEqual([cut.steady, cut.slower > 0], [0, true]);
});

test('a client that waits for its answer is not slow, and each answer has a window of its own', () => {
  let cut = 0;
  const client = watching(() => (cut += 1));
  client.pending = 0;
  for (let second = 0; second < 100; second += 1) client.takes(0);
  client.pending = 1_000_000;
  for (let second = 0; second < 29; second += 1) client.takes(0);
  assert.equal(cut, 0);
  client.takes(0);
  client.takes(0);
  assert.equal(cut, 1);
});

/** For machines that are busy. */
const PATIENCE_MS = 20_000;

/** One connection of a watch of 30 s, by the numbers alone: `takes` lets a second pass in which so many bytes go. */
function watching(onCut: (cut: CutAnswer) => void) {
  const watch = new AnswerWatch({ timeoutMs: 30_000, isCrowded: () => false, onCut });
  const state = { pending: 1_000_000, taken: 0 };
  const socket = {
    get writableLength() {
      return state.pending;
    },
    get bytesWritten() {
      return state.taken + state.pending;
    },
    once: () => {},
    resetAndDestroy: () => {},
  };
  watch.add(socket as unknown as Socket);
  assert.equal(watch.tickMs, 1000);
  return Object.assign(state, {
    takes(bytes: number) {
      state.taken += bytes;
      watch.tick();
    },
  });
}

async function opened(test: TestContext, { server }: TestServer): Promise<Socket> {
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
  test.after(() => socket.destroy());
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

/** Sends the bodies one after the other and reads nothing. */
async function asking(test: TestContext, server: TestServer, ...bodies: readonly string[]): Promise<Socket> {
  const socket = await opened(test, server);
  for (const body of bodies)
    socket.write(
      `POST /rank HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  return socket;
}

/** Resolves when the server has cut its connections; a socket that does not read sees nothing of that. */
async function cutBy(server: TestServer): Promise<void> {
  await eventually(() => linesOf(server, CUT).length > 0, PATIENCE_MS);
  await server.server.emptied();
}

function linesOf(server: TestServer, wanted: string): readonly Record<string, unknown>[] {
  return server.logLines.filter(({ message }) => message === wanted);
}
