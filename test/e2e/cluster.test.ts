// `--processes`: real processes behind one port. They are killed, restarted and ended under streams of requests, and every request is counted.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { repoRoot } from '../helpers/paths.ts';
import { eventually } from '../http/support.ts';
import { Crossrank } from './process.ts';

test('processes share one port; SIGTERM ends them all with 0', async (t) => {
  const { service, url } = await serve(t, ['--processes', '3']);
  const { processes, workers } = await service.logLine('ready');
  assert.deepEqual([processes, workers], [3, 1]);
  assert.equal((await fetch(`${url}/ready`)).status, 200);
  await Promise.all(Array.from({ length: 12 }, () => rankFresh(url)));
  await service.logLine('request', 12);
  const answering = new Set(service.logLines('request').map((line) => line.process));
  assert.deepEqual([...answering].sort(), [0, 1, 2], 'connections go to the processes in turn');
  service.child.kill('SIGTERM');
  const { code, signal, stderr } = await service.finished; // when the last process has closed stderr
  assert.deepEqual([code, signal], [0, null]);
  assert.equal(service.logLines('stopped').length, 4, stderr);
});

test('a killed process is replaced while the others serve; only requests on its connections are lost', async (t) => {
  const { service, url } = await serve(t, ['--processes', '2']);
  const streams = streamsTo(t, url);
  await eventually(() => streams.every(({ answered }) => answered > 5), PATIENCE_MS);
  const [victim] = pidsOf(service);
  process.kill(victim!, 'SIGKILL');
  await service.logLine('a process was ended by SIGKILL; another takes its place');
  const before = streams.map(({ answered }) => answered);
  await service.logLine('process ready', 3);
  const during = streams.map(({ answered }, index) => answered - before[index]!);
  assert.ok(
    during.every((count) => count > 0),
    `answered meanwhile: ${during}`,
  );
  const after = streams.map(({ answered }) => answered);
  await eventually(() => streams.every(({ answered }, index) => answered > after[index]! + 5), PATIENCE_MS);
  await Promise.all(streams.map((stream) => stream.end()));
  for (const { failures } of streams) {
    assert.ok(failures.length <= 1, `a stream has one request at a time, so it can lose one: ${failures}`);
    assert.ok(
      failures.every((failure) => ['ECONNRESET', 'EPIPE'].includes(failure)),
      String(failures),
    );
  }
  await rankFresh(url);
  assert.equal(await end(service), 0);
});

test('a connection on its way to a process that dies is given to another one', async (t) => {
  const { service, url } = await serve(t, ['--processes', '2']);
  const [victim] = pidsOf(service);
  process.kill(victim!, 'SIGSTOP');
  const sent = [rankFresh(url), rankFresh(url)]; // one of them goes to the process that does not move
  await Promise.race(sent);
  process.kill(victim!, 'SIGKILL');
  await Promise.all(sent);
  assert.equal(await end(service), 0);
});

test('connections that the primary deals are what others are: slow senders get 408, the others their answer', async (t) => {
  const { service, url } = await serve(t, ['--processes', '2', '--headers-timeout', '0.5', '--body-timeout', '0.5']);
  const ask = 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  assert.match(
    await answerTo(
      url,
      'POST /rank HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{',
    ),
    /^HTTP\/1\.1 408 /,
  );
  assert.match(await answerTo(url, 'GET /health HTTP/1.1\r\nHo'), /^HTTP\/1\.1 408 /);
  assert.match(await answerTo(url, ask), /^HTTP\/1\.1 200 /);
  assert.equal(await end(service), 0);
});

test('SIGHUP renews every process without a lost request, on kept and on fresh connections', async (t) => {
  const { service, url } = await serve(t, ['--processes', '2', '--keep-alive-timeout', '5']);
  const streams = streamsTo(t, url);
  await eventually(() => streams.every(({ answered }) => answered > 5), PATIENCE_MS);
  const old = pidsOf(service);
  service.child.kill('SIGHUP');
  for (const count of [3, 4]) await service.logLine('process ready', count);
  await service.logLine('all processes are restarted');
  const reached = streams.map(({ answered }) => answered);
  await eventually(() => streams.every(({ answered }, index) => answered > reached[index]! + 5), PATIENCE_MS);
  await Promise.all(streams.map((stream) => stream.end()));
  assert.deepEqual(
    streams.flatMap(({ failures }) => failures),
    [],
  );
  const pids = pidsOf(service);
  assert.equal(new Set(pids).size, 4, 'two, and two new ones');
  for (const pid of old) await eventually(() => !isAlive(pid), PATIENCE_MS);
  assert.equal(await end(service), 0);
});

test('a restart that finds a wrong configuration leaves the service as it was; a restart reads key files anew', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'crossrank-keys-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const keys = join(directory, 'keys');
  writeFileSync(keys, 'first-key\n');
  const { service, url } = await serve(t, ['--processes', '2', '--api-key-file', keys]);
  renameSync(keys, `${keys}.away`);
  service.child.kill('SIGHUP');
  const given = await service.logLine('the restart is given up; the processes that were serving go on');
  assert.match(JSON.stringify(given.error), /--api-key-file must name a readable file/);
  assert.equal(await statusWithKey(url, 'first-key'), 200);
  writeFileSync(keys, 'second-key\n');
  service.child.kill('SIGHUP');
  await service.logLine('all processes are restarted');
  assert.equal(await statusWithKey(url, 'second-key'), 200);
  assert.equal(await statusWithKey(url, 'first-key'), 401);
  assert.equal(await end(service), 0);
});

test('a model that does not load ends the start with 1, and the cause shows once', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'crossrank-broken-'));
  t.after(() => rmSync(directory, { recursive: true }));
  cpSync(MODEL, directory, { recursive: true });
  truncateSync(join(directory, 'model.onnx'), 1000);
  const service = new Crossrank(t, ['serve', '--model-id', directory, '--port', '0', '--processes', '2', '--json-output']);
  const { code, stderr } = await service.finished;
  assert.equal(code, 1);
  assert.equal(stderr.split('\n').filter((line) => line.startsWith('crossrank:')).length, 1, stderr);
});

test('a port in use, and options that are wrong, are told once', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await eventually(() => taken.listening, PATIENCE_MS);
  const { port } = taken.address() as AddressInfo;
  const service = new Crossrank(t, ['serve', '--model-id', MODEL, '--port', `${port}`, '--processes', '2', '--json-output']);
  const { code, stderr } = await service.finished;
  assert.equal(code, 1);
  assert.equal(stderr.match(/is already in use/g)?.length, 1, stderr);
  const wrong = await new Crossrank(t, ['serve', '--processes', '0']).finished;
  assert.deepEqual([wrong.code, wrong.stderr], [1, "crossrank: --processes must be an integer from 1 to 256, got '0'\n"]);
});

test('SIGTERM under load, to every process at once as systemd does: accepted requests are answered in full', async (t) => {
  const { service, url } = await serve(t, ['--processes', '2', '--log-level', 'debug', ...ROOMY]);
  const documents = Array.from({ length: 2000 }, (_, index) => `document ${index} about pandas, bears and other animals`);
  const accepted = Array.from({ length: 6 }, () => post(url, { query: 'what is a panda', documents }));
  await service.logLine('accepted', 6);
  for (const pid of [...pidsOf(service), service.child.pid!]) process.kill(pid, 'SIGTERM');
  for (const answer of await Promise.all(accepted)) {
    assert.equal(answer.status, 200);
    assert.equal(((await answer.json()) as { results: unknown[] }).results.length, 2000);
  }
  const { code, signal } = await service.finished;
  assert.deepEqual([code, signal], [0, null]);
  assert.ok(service.logLines('shutting down without waiting').length === 0);
});

test('a second signal does not wait, and ends with 0', async (t) => {
  const { service, url } = await serve(t, ['--processes', '2', '--log-level', 'debug', ...ROOMY]);
  const documents = Array.from({ length: 5000 }, (_, index) => `${index} `.repeat(200));
  const sent = [post(url, { query: 'q', documents }), post(url, { query: 'q', documents })];
  await service.logLine('accepted', 2);
  service.child.kill('SIGTERM');
  await service.logLine('shutting down', 3);
  service.child.kill('SIGTERM');
  assert.deepEqual(
    (await Promise.all(sent)).map(({ status }) => status),
    [503, 503],
  );
  const { code, signal } = await service.finished;
  assert.deepEqual([code, signal], [0, null]);
});

test('when the primary is killed, the processes finish what they accepted and end', async (t) => {
  const { service, url } = await serve(t, ['--processes', '2', '--log-level', 'debug', ...ROOMY]);
  const documents = Array.from({ length: 2000 }, (_, index) => `document ${index} about pandas, bears and other animals`);
  const accepted = Array.from({ length: 2 }, () => post(url, { query: 'what is a panda', documents }));
  await service.logLine('accepted', 2);
  service.child.kill('SIGKILL');
  assert.deepEqual(
    (await Promise.all(accepted)).map(({ status }) => status),
    [200, 200],
  );
  await service.finished; // when the last process has closed stderr
  assert.equal(service.logLines('stopped').length, 2);
  await assert.rejects(rankFresh(url));
});

test('SIGTERM while the processes load ends with 0', async (t) => {
  const service = new Crossrank(t, [...BASE, '--processes', '2']);
  await service.logLine('listening; the model is being loaded');
  service.child.kill('SIGTERM');
  const { code, signal } = await service.finished;
  assert.deepEqual([code, signal], [0, null]);
  assert.equal(service.logLines('ready').length, 0);
});

test('SIGHUP to a server of one process is a warning', async (t) => {
  const { service, url } = await serve(t, []);
  service.child.kill('SIGHUP');
  await service.logLine('SIGHUP does nothing: restarts without a gap need --processes 2 or more');
  await rankFresh(url);
  assert.equal(await end(service), 0);
});

const MODEL = join(repoRoot, 'test/oracle/fixtures/models/bert');
/** For machines that are busy. */
const PATIENCE_MS = 30_000;

/** Work of several seconds is accepted and finished however busy the machine is. */
const ROOMY = ['--max-queue-seconds', '600', '--request-timeout', '200', '--drain-timeout', '200'];

const BASE = ['serve', '--port', '0', '--json-output', '--workers', '1'];

interface Served {
  readonly service: Crossrank;
  readonly url: string;
}

async function serve(test: TestContext, flags: readonly string[]): Promise<Served> {
  const service = new Crossrank(test, [...BASE, ...flags]);
  const { url } = await service.logLine('ready');
  return { service, url: String(url) };
}

async function end(service: Crossrank): Promise<number | null> {
  service.child.kill('SIGTERM');
  return (await service.finished).code;
}

/** Of the serving processes, in the order they became ready. */
function pidsOf(service: Crossrank): number[] {
  return service.logLines('process ready').map(({ pid }) => Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function post(url: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${url}/rank`, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** All that comes back to this text, until the server closes. */
function answerTo(url: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}

async function statusWithKey(url: string, key: string): Promise<number> {
  const response = await fetch(`${url}/info`, { headers: { authorization: `Bearer ${key}`, connection: 'close' } });
  await response.arrayBuffer();
  return response.status;
}

/** Resolves when answered with 200. @throws Error with `code` of the failure */
function rankOver(url: string, agent: Agent | false): Promise<void> {
  const body = JSON.stringify({ query: 'what is a panda', documents: ['the giant panda is a bear', 'hello'] });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/rank`, { method: 'POST', agent, headers }, (res) => {
      res.resume().on('error', reject);
      res.on('end', () => {
        if (res.statusCode === 200) resolve();
        else reject(Object.assign(new Error('refused'), { code: `status ${res.statusCode}` }));
      });
    });
    sent.on('error', reject).end(body);
  });
}

function rankFresh(url: string): Promise<void> {
  return rankOver(url, false);
}

interface Stream {
  readonly answered: number;
  /** Codes of the requests that failed. */
  readonly failures: readonly string[];
  /** Resolves when the last request is answered. */
  end(): Promise<void>;
}

/** One request after the other until the end. */
function stream(send: () => Promise<void>): Stream {
  const state = { answered: 0, failures: [] as string[], ending: false };
  const run = async (): Promise<void> => {
    while (!state.ending) {
      await send().then(
        () => {
          state.answered += 1;
        },
        (error: NodeJS.ErrnoException) => state.failures.push(error.code ?? error.message),
      );
    }
  };
  const done = run();
  return {
    get answered() {
      return state.answered;
    },
    failures: state.failures,
    end: () => {
      state.ending = true;
      return done;
    },
  };
}

/** Two on kept connections, two on a new connection a request. They end with the test, however it ends. */
function streamsTo(test: TestContext, url: string): Stream[] {
  const streams = [...keepAliveStreams(url, 2), ...[1, 2].map(() => stream(() => rankFresh(url)))];
  test.after(() => Promise.all(streams.map((one) => one.end())));
  return streams;
}

/** Each on a connection of its own, kept between requests. */
function keepAliveStreams(url: string, count: number): Stream[] {
  return Array.from({ length: count }, () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const kept = stream(() => rankOver(url, agent));
    return {
      get answered() {
        return kept.answered;
      },
      failures: kept.failures,
      end: () => kept.end().finally(() => agent.destroy()),
    };
  });
}
