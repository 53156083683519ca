// Start, drain and stop with a scripted engine: what callers and probes see at each step.

import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { Writable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import type { LastResort } from '../../src/cli/last-resort.ts';
import { type Engine, type Lifecycle, startLifecycle } from '../../src/cli/lifecycle.ts';
import { deferred } from '../../src/cluster/deferred.ts';
import { loadConfig } from '../../src/config.ts';
import { RerankError } from '../../src/errors.ts';
import { createLogger } from '../../src/logger.ts';
import type { Scorer, ScorerStatus } from '../../src/protocol.ts';
import type { RankResult, RerankService } from '../../src/rerank/types.ts';
import { UNRECORDED } from '../../src/tracing.ts';
import { fakeSpec } from '../helpers/model-spec.ts';
import { readyStatus } from '../helpers/scorer-status.ts';
import { testMetrics } from '../helpers/test-metrics.ts';
import { eventually, rankLastFirst } from '../http/support.ts';

test('probes answer while the model loads, work follows when it is warm', async (t) => {
  const { engine, lifecycle } = await start(t);
  assert.equal((await get(lifecycle, '/health')).status, 200);
  assert.equal((await get(lifecycle, '/ready')).status, 503);
  assert.equal((await rank(lifecycle)).status, 503);
  engine.state = 'ready';
  assert.equal((await get(lifecycle, '/ready')).status, 200);
  assert.equal((await rank(lifecycle)).status, 200);
});

test('shutdown: readiness falls, accepted work finishes, new work is refused, then workers and socket close', async (t) => {
  const { engine, lifecycle } = await start(t, { held: true });
  engine.state = 'ready';
  const accepted = rank(lifecycle);
  await eventually(() => engine.running === 1);
  const stopped = lifecycle.shutdown('SIGTERM', 'announced');
  assert.equal(lifecycle.isDraining(), true);
  assert.equal((await get(lifecycle, '/ready')).status, 503);
  assert.equal((await get(lifecycle, '/health')).status, 200);
  assert.equal((await rank(lifecycle)).status, 503);
  assert.equal(engine.closed, false);
  engine.release();
  assert.equal((await accepted).status, 200);
  await stopped;
  assert.equal(engine.closed, true);
  await assert.rejects(get(lifecycle, '/health'));
});

test('work that outlasts the drain timeout is told so', async (t) => {
  const { engine, lifecycle } = await start(t, { held: true, drainSeconds: '0.1' });
  engine.state = 'ready';
  const accepted = rank(lifecycle);
  await eventually(() => engine.running === 1);
  await lifecycle.shutdown('SIGTERM', 'announced');
  const reply = await accepted;
  assert.deepEqual([reply.status, ((await reply.json()) as { error: { code: string } }).error.code], [503, 'draining']);
});

test('a second signal does not wait', async (t) => {
  const { engine, lifecycle } = await start(t, { held: true, drainSeconds: '600' });
  engine.state = 'ready';
  const accepted = rank(lifecycle);
  await eventually(() => engine.running === 1);
  void lifecycle.shutdown('SIGTERM', 'announced');
  await lifecycle.shutdown('SIGTERM', 'announced');
  assert.equal((await accepted).status, 503);
  assert.equal(engine.closed, true);
});

test('drain delay: readiness falls first, work is still taken; a second signal ends the wait', async (t) => {
  const { engine, lifecycle } = await start(t, { drainDelay: '600' });
  engine.state = 'ready';
  const stopped = lifecycle.shutdown('SIGTERM', 'announced');
  assert.equal((await get(lifecycle, '/ready')).status, 503);
  const answer = await rank(lifecycle);
  assert.deepEqual([answer.status, answer.headers.get('connection')], [200, 'close']);
  void lifecycle.shutdown('SIGTERM', 'announced');
  await stopped;
});

test('a prompt shutdown skips the drain delay', async (t) => {
  const { engine, lifecycle } = await start(t, { drainDelay: '600' });
  engine.state = 'ready';
  await lifecycle.shutdown('SIGINT', 'prompt');
  assert.equal(engine.closed, true);
});

test('SIGTERM leaves an idle connection open, and its next request is told 503 instead of being reset', async (t) => {
  const { engine, lifecycle } = await start(t, { held: true });
  engine.state = 'ready';
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  assert.equal(await statusOver(agent, lifecycle), 200);
  const accepted = rank(lifecycle);
  await eventually(() => engine.running === 1);
  const [idle] = Object.values(agent.freeSockets).flat();
  const stopped = lifecycle.shutdown('SIGTERM', 'announced');
  assert.equal(await statusOver(agent, lifecycle), 503);
  assert.ok(idle !== undefined);
  await eventually(() => idle.destroyed);
  engine.release();
  assert.equal((await accepted).status, 200);
  await stopped;
});

test('retiring: no new connections, an open one is served in full once more, then everything is closed', async (t) => {
  const { engine, lifecycle } = await start(t);
  engine.state = 'ready';
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  assert.equal(await statusOver(agent, lifecycle), 200);
  const retired = lifecycle.retire();
  assert.equal(lifecycle.isDraining(), false);
  await assert.rejects(rank(lifecycle), 'a new connection');
  assert.equal(engine.closed, false);
  assert.equal(await statusOver(agent, lifecycle), 200);
  await retired;
  assert.equal(engine.closed, true);
});

test('a shutdown ends a retirement that waits for an idle connection', async (t) => {
  const { engine, lifecycle } = await start(t);
  engine.state = 'ready';
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  assert.equal(await statusOver(agent, lifecycle), 200);
  const retired = lifecycle.retire();
  await lifecycle.shutdown('SIGINT', 'prompt');
  await retired;
  assert.equal(engine.closed, true);
});

test('a shutdown that has run out ends the process although a worker hangs', async (t) => {
  const ended = deferred<void>();
  const lines: string[] = [];
  const lastResort = { afterMs: 10, end: () => ended.resolve() };
  const { engine, lifecycle } = await start(t, { drainSeconds: '0.05', lastResort, lines });
  engine.state = 'ready';
  engine.hangs = true;
  const stopped = lifecycle.shutdown('SIGTERM', 'announced');
  await ended.promise;
  assert.ok(lines.some((line) => line.includes('the process does not end by itself; it is killed')));
  engine.hangs = false;
  engine.unhang();
  await stopped;
});

test('so does a second signal, from which on nothing is waited for', async (t) => {
  const ended = deferred<void>();
  const lastResort = { afterMs: 10, end: () => ended.resolve() };
  const { engine, lifecycle } = await start(t, { drainSeconds: '600', lastResort });
  engine.state = 'ready';
  engine.hangs = true;
  void lifecycle.shutdown('SIGTERM', 'announced');
  void lifecycle.shutdown('SIGTERM', 'announced');
  await ended.promise;
  engine.unhang();
});

/** An engine whose calls wait for `release` when held; closing it fails them as the pool does. */
class ScriptedEngine implements Engine {
  state: ScorerStatus['state'] = 'starting';
  running = 0;
  closed = false;
  /** Its workers never come back, until {@link unhang}. */
  hangs = false;
  unhang: () => void = () => {};
  release: () => void = () => {};
  readonly started = Promise.resolve();
  readonly #gate: Promise<void>;
  #fail: (error: RerankError) => void = () => {};

  constructor(held: boolean) {
    this.#gate = new Promise((resolve, reject) => {
      this.release = resolve;
      this.#fail = reject;
      if (!held) resolve();
    });
    this.#gate.catch(() => {});
  }

  get service(): RerankService {
    return {
      rank: async (request): Promise<RankResult> => {
        this.running += 1;
        await this.#gate;
        return rankLastFirst(request);
      },
      predict: () => Promise.reject(new Error('not used')),
      tokenize: () => Promise.reject(new Error('not used')),
    };
  }

  get scorer(): Scorer {
    const status = () => ({ ...readyStatus(1), state: this.state });
    return {
      spec: fakeSpec(),
      facts: {
        inputs: [],
        output: 'logits',
        numLabels: 1,
        flatOutput: false,
        specialTokens: 3,
        runtimeVersion: 'x',
        dtype: 'float32',
        packed: false,
      },
      costPerSecond: () => 1,
      status,
      score: () => Promise.reject(new Error('not used')),
      tokenize: () => Promise.reject(new Error('not used')),
      close: async () => {
        this.closed = true;
        if (this.hangs) await new Promise<void>((resolve) => (this.unhang = resolve));
        this.#fail(new RerankError('draining', 'the server is shutting down'));
      },
    };
  }
}

interface Started {
  readonly engine: ScriptedEngine;
  readonly lifecycle: Lifecycle;
}

async function start(
  test: TestContext,
  options: {
    readonly held?: boolean;
    readonly drainSeconds?: string;
    readonly drainDelay?: string;
    readonly lastResort?: LastResort;
    readonly lines?: string[];
  } = {},
): Promise<Started> {
  const { drainSeconds = '10', drainDelay = '0', lastResort, lines = [] } = options;
  const { config } = loadConfig({ port: '0', 'drain-timeout': drainSeconds, 'drain-delay': drainDelay }, {});
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  const logger = createLogger({ level: 'error', json: true, colour: false, stream });
  const engine = new ScriptedEngine(options.held === true);
  const lifecycle = await startLifecycle(config, logger, engine, {
    metrics: testMetrics(),
    tracing: UNRECORDED,
    ...(lastResort && { lastResort }),
  });
  test.after(() => lifecycle.shutdown('end of test', 'prompt'));
  return { engine, lifecycle };
}

function get({ server }: Lifecycle, path: string): Promise<Response> {
  return fetch(server.url + path);
}

/** `/ready` on a connection of the agent. */
function statusOver(agent: Agent, { server }: Lifecycle): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`${server.url}/ready`, { agent }, (res) => res.resume().on('end', () => setImmediate(resolve, res.statusCode)))
      .on('error', reject)
      .end();
  });
}

function rank({ server }: Lifecycle): Promise<Response> {
  const body = JSON.stringify({ query: 'q', documents: ['a'] });
  return fetch(`${server.url}/rank`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
}
