// Clients that do not read, pages of others, processes that are killed or stand still: against real servers, others being served all the while.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Crossrank } from '../e2e/process.ts';
import { parseExposition } from '../helpers/exposition.ts';
import { repoRoot } from '../helpers/paths.ts';
import { ServerUnderAttack } from './server-under-attack.ts';

const CUT = 'a client does not take its answer; its connection is cut';

test('clients that do not read their answers keep nobody out for long', async (t) => {
  const flags = ['--max-inflight-bytes', '60000000', '--answer-timeout', '600'];
  const server = await ServerUnderAttack.start(t, flags);
  const body = JSON.stringify({ query: 'q', documents: ['word '.repeat(2_000_000)], return_documents: true });
  const isCut = () => server.process.logLines(CUT).length > 0;
  // Each answer is larger than what the kernel holds for a connection. Somewhat more of them wait, until half of the room is taken.
  for (let sent = 0; sent < 100 && !isCut(); sent += 1) {
    (await connected(t, server.url)).write(rawPost('/rank', body));
    await untilAnswered(server);
  }
  await server.process.logLine(CUT);
  await untilAnswered(server);
  await server.endure(async () => {});
  assert.ok(server.process.logLines('request').some(({ status }) => status === 499));
});

test('a client that never reads the documentation is cut, too', async (t) => {
  const server = await ServerUnderAttack.start(t, ['--answer-timeout', '2']);
  const asked = 'GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n'; // 1.5 MB: sixteen are more than the kernel holds
  await server.endure(async () => {
    const client = await connected(t, server.url);
    for (let sent = 0; sent < 16; sent += 1) client.write(asked);
    await server.process.logLine(CUT);
  });
});

test('a packet full of requests is one connection with a few requests, whatever they ask for', async (t) => {
  const server = await ServerUnderAttack.start(t);
  const rank = rawPost('/rank', JSON.stringify({ query: 'q', documents: ['a'] }));
  const asked = ['/metrics', '/info', '/docs/swagger-ui-bundle.js'].map(
    (path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  );
  const before = server.peakBytes();
  for (const one of [...asked, rank]) {
    const client = await connected(t, server.url);
    const closed = new Promise((resolve) => client.once('close', resolve));
    let answered = '';
    client.on('data', (text: Buffer) => {
      answered = `${answered}${text.toString('latin1')}`.slice(-2000);
    });
    client.resume();
    await server.endure(async () => {
      client.write(one.repeat(Math.floor(65_536 / one.length)));
      await closed;
    });
    assert.match(answered, /HTTP\/1\.1 429 [\s\S]*at most 16 requests open/, one.slice(0, 40));
  }
  assert.ok(server.peakBytes() - before < 200 * 2 ** 20, `${server.peakBytes() - before} bytes`);
});

test('a page of another site, and one whose name leads to loopback, get nothing done', async (t) => {
  const server = await ServerUnderAttack.start(t);
  const json = JSON.stringify({ query: 'q', documents: ['a'] });
  await server.endure(async () => {
    for (const origin of ['https://shop.example', 'null'])
      assert.equal((await server.post('/v1/rerank', json, { origin })).status, 403);
    assert.equal((await server.post('/rank', Buffer.from(json), { 'content-type': 'text/plain' })).status, 415);
    assert.equal(await statusByName(server.url, 'evil.example'), 403);
    assert.equal(await statusByName(server.url, 'localhost'), 200);
  });
});

test('both processes killed at once: every connection made in that moment has an end, and the service comes back', async (t) => {
  const { service, url } = await serveInProcesses(t, []);
  const outcomes: Promise<string>[] = [];
  const asking = setInterval(() => outcomes.push(outcomeOf(url)), 5);
  t.after(() => clearInterval(asking));
  for (const pid of pidsOf(service)) process.kill(pid, 'SIGSTOP'); // so that connections are on their way to them
  await until(() => outcomes.length > 20);
  for (const pid of pidsOf(service)) process.kill(pid, 'SIGKILL');
  await service.logLine('process ready', 4);
  clearInterval(asking);
  const ends = await Promise.all(outcomes); // hangs with a connection that nobody owns
  assert.ok(ends.some((end) => end !== '200'));
  assert.ok(
    ends.every((end) => ['200', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(end)),
    String(ends),
  );
  while ((await outcomeOf(url)) !== '200');
  assert.equal(await end(service), 0);
});

test('a process that stands still gets no connections, is killed, and its connection is answered by another', async (t) => {
  const { service, url } = await serveInProcesses(t, ['--process-timeout', '8']);
  const [victim] = pidsOf(service);
  process.kill(victim!, 'SIGSTOP');
  const first = [outcomeOf(url), outcomeOf(url)]; // one of them goes to it
  await service.logLine('a process does not answer; it gets no connections');
  for (let asked = 0; asked < 10; asked += 1) assert.equal(await outcomeOf(url), '200');
  await service.logLine('a process has not answered for long; it is killed');
  assert.deepEqual(await Promise.all(first), ['200', '200']);
  await service.logLine('process ready', 3);
  const { samples } = parseExposition(await (await fetch(`${url}/metrics`)).text());
  const replaced = samples.filter(({ name }) => name === 'crossrank_processes_replaced_total');
  assert.deepEqual(Object.fromEntries(replaced.map(({ labels, value }) => [labels['reason'], Number(value)])), {
    ended: 0,
    silent: 1,
    not_ready: 0,
  });
  assert.equal(await end(service), 0);
});

test('a process that stands still does not keep the service from ending', async (t) => {
  const { service } = await serveInProcesses(t, ['--drain-timeout', '0', '--process-timeout', '600']);
  process.kill(pidsOf(service)[0]!, 'SIGSTOP');
  service.child.kill('SIGTERM');
  const { code, signal } = await service.finished;
  assert.deepEqual([code, signal], [1, null]);
});

const MODEL = join(repoRoot, 'test/oracle/fixtures/models/bert');

interface Served {
  readonly service: Crossrank;
  readonly url: string;
}

async function serveInProcesses(test: TestContext, flags: readonly string[]): Promise<Served> {
  const base = ['serve', '--model-id', MODEL, '--port', '0', '--json-output', '--workers', '1', '--processes', '2'];
  const service = new Crossrank(test, [...base, ...flags]);
  const { url } = await service.logLine('ready');
  return { service, url: String(url) };
}

function pidsOf(service: Crossrank): number[] {
  return service.logLines('process ready').map(({ pid }) => Number(pid));
}

async function end(service: Crossrank): Promise<number | null> {
  service.child.kill('SIGTERM');
  return (await service.finished).code;
}

/** `/health` on a connection of its own: the status, or the code of the failure. */
function outcomeOf(url: string): Promise<string> {
  return new Promise((resolve) => {
    request(`${url}/health`, { agent: false }, (res) => {
      res.on('error', ({ code }: NodeJS.ErrnoException) => resolve(String(code)));
      res.resume().on('end', () => resolve(String(res.statusCode)));
    })
      .on('error', ({ code }: NodeJS.ErrnoException) => resolve(String(code)))
      .end();
  });
}

function statusByName(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`${url}/info`, { headers: { host }, agent: false }, (res) => res.resume().on('end', () => resolve(res.statusCode)))
      .on('error', reject)
      .end();
  });
}

async function connected(test: TestContext, url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  test.after(() => socket.destroy());
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

function rawPost(path: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** Until a small request is answered: while the budget is full it is told 429. */
async function untilAnswered(server: ServerUnderAttack): Promise<void> {
  const small = { query: 'q', documents: ['a'] };
  for (;;) {
    const { status, text } = await server.post('/rank', small);
    if (status === 200) return;
    assert.equal(status, 429, text);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
