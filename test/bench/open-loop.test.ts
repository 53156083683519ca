import assert from 'node:assert/strict';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { arrivalTimes } from '../../bench/load/arrivals.ts';
import { closedLoop } from '../../bench/load/closed-loop.ts';
import { generate } from '../../bench/load/generator.ts';
import { type OpenLoopPlan, openLoop } from '../../bench/load/open-loop.ts';
import { isRight, readScores, type Shot } from '../../bench/load/shot.ts';
import { isWrong, summarize } from '../../bench/load/summary.ts';

const SHOT: Shot = { label: 'small', path: '/rank', body: '{}', documents: 2, expect: { status: 200, scores: [0.2, 0.9] } };
const RIGHT = JSON.stringify({
  results: [
    { corpus_id: 1, score: 0.9 },
    { corpus_id: 0, score: 0.2 },
  ],
});

async function serve(test: TestContext, handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function plan(url: string, more: Partial<OpenLoopPlan> = {}): OpenLoopPlan {
  const common = { shots: [SHOT], arrivals: 'constant', ratePerSecond: 100, seconds: 0.105, seed: 'x' } as const;
  return { url, ...common, timeoutMs: 10_000, sockets: 64, ...more };
}

test('arrivals are seeded, ascending, of the rate asked for, and bounded', () => {
  const options = { process: 'poisson', ratePerSecond: 50, seconds: 100, seed: 7, most: 100_000 } as const;
  const times = arrivalTimes(options);
  assert.deepEqual(times, arrivalTimes(options));
  assert.notDeepEqual(times, arrivalTimes({ ...options, seed: 8 }));
  assert.ok(Math.abs(times.length - 5000) < 300, `${times.length} arrivals`);
  assert.ok(times.every((time, i) => time < 100_000 && (i === 0 || time >= times[i - 1]!)));
  assert.deepEqual([...arrivalTimes({ ...options, process: 'constant', seconds: 0.07 })], [20, 40, 60]);
  assert.equal(arrivalTimes({ ...options, most: 10 }).length, 10);
});

test('requests are sent although none before them is answered', async (test) => {
  const waiting: ServerResponse[] = [];
  const url = await serve(test, (_req, res) => {
    waiting.push(res);
    if (waiting.length === 10) for (const each of waiting) each.end(RIGHT); // a closed loop of fewer callers would wait for ever
  });
  const { records, generator } = await openLoop(plan(url));
  assert.equal(records.length, 10);
  assert.ok(records.every(({ right, status, error }) => right && status === 200 && error === null));
  assert.deepEqual(
    records.map(({ scheduledMs }) => scheduledMs).sort((a, b) => a - b),
    [10, 20, 30, 40, 50, 60, 70, 80, 90, 100],
  );
  assert.ok(records.every((record) => record.startedMs >= record.scheduledMs && record.endedMs >= record.startedMs));
  assert.ok(generator.seconds > 0 && generator.cores > 0);
});

test('refusals, wrong answers, cut connections, silence and callers who leave are told apart', async (test) => {
  const url = await serve(test, (req, res) => {
    if (req.url === '/refused') res.writeHead(429, { 'Retry-After': '2' }).end();
    if (req.url === '/wrong') res.setHeader('Server-Timing', 'queue;dur=1.5, tok;dur=0.2').end(RIGHT.replace('0.9', '0.8'));
    if (req.url === '/reset') req.socket.resetAndDestroy();
    if (req.url === '/cut') res.writeHead(200, { 'Content-Length': '100' }).write('{', () => req.socket.destroy());
  });
  const only = async (path: string, more: Partial<Shot> = {}) => {
    const shots = [{ ...SHOT, path, ...more }];
    const run = await openLoop(plan(url, { shots, seconds: 0.015, timeoutMs: path === '/silence' ? 50 : 10_000 }));
    assert.equal(run.records.length, 1);
    return run.records[0]!;
  };
  const refused = await only('/refused');
  assert.deepEqual(
    [refused.status, refused.retryAfter, refused.right, isWrong(refused), refused.queueMs],
    [429, true, false, false, null],
  );
  const wrong = await only('/wrong');
  assert.deepEqual([wrong.status, wrong.right, isWrong(wrong), wrong.queueMs], [200, false, true, 1.5]);
  const lost = [await only('/reset'), await only('/cut'), await only('/silence'), await only('/left', { leaveAfterMs: 20 })];
  assert.deepEqual(
    lost.map(({ status, error }) => [status, error]),
    [
      [null, 'ECONNRESET'],
      [null, 'cut'],
      [null, 'timeout'],
      [null, 'left'],
    ],
  );
});

test('an answer is right with every document once, in order of score, within the tolerance', () => {
  const expectation = { status: 200, scores: [0.2, 0.9] };
  assert.ok(isRight(expectation, 200, RIGHT));
  assert.ok(isRight(expectation, 200, '[{"index":1,"score":0.90001},{"index":0,"score":0.2}]'));
  assert.ok(isRight(expectation, 200, '{"data":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.2}]}'));
  assert.ok(!isRight(expectation, 503, RIGHT));
  assert.ok(!isRight(expectation, 200, '[{"index":0,"score":0.2},{"index":1,"score":0.9}]'), 'order');
  assert.ok(!isRight(expectation, 200, '[{"index":1,"score":0.9},{"index":1,"score":0.9}]'), 'twice');
  assert.ok(!isRight(expectation, 200, '[{"index":1,"score":0.9}]'), 'missing');
  assert.ok(!isRight(expectation, 200, 'half an ans'));
  assert.deepEqual(readScores(RIGHT), [0.2, 0.9]);
  assert.equal(readScores('{}'), null);
});

test('a generator in a process of its own, open or closed, brings its records back', async (test) => {
  const url = await serve(test, (_req, res) => void res.end(RIGHT));
  const open = await generate({ kind: 'open', ...plan(url) });
  assert.deepEqual([open.records.length, open.records.every(({ right }) => right)], [10, true]);
  const { shots, seed, timeoutMs } = plan(url);
  const closed = await generate({ kind: 'closed', url, shots, seed, timeoutMs, callers: 2, seconds: 0.1, backOffMs: 10 });
  assert.ok(closed.records.length >= 2 && closed.records.every(({ right }) => right));
  await assert.rejects(generate({ kind: 'open', ...plan('not a url') }), /the load generator ended/);
});

test('a closed loop sends no more at once than it has callers', async (test) => {
  const first: ServerResponse[] = [];
  let [open, most] = [0, 0];
  const url = await serve(test, (_req, res) => {
    open += 1;
    most = Math.max(most, open);
    res.once('finish', () => {
      open -= 1;
    });
    first.push(res);
    if (first.length === 3)
      for (const each of first) each.end(RIGHT); // all three must come before any is answered
    else if (first.length > 3) setImmediate(() => res.end(RIGHT));
  });
  const { shots, seed, timeoutMs } = plan(url);
  const { records } = await closedLoop({ url, shots, seed, timeoutMs, callers: 3, seconds: 0.2, backOffMs: 10 });
  assert.equal(most, 3);
  assert.equal(records.length, first.length);
});

test('a summary counts right answers within the deadline, and refusals by themselves', () => {
  const record = {
    ...SHOT,
    scheduledMs: 0,
    startedMs: 1,
    status: 200,
    error: null,
    retryAfter: false,
    queueMs: null,
    reusedSocket: true,
  };
  const records = [
    { ...record, endedMs: 100, right: true },
    { ...record, endedMs: 900, right: true },
    { ...record, endedMs: 200, right: false },
    { ...record, endedMs: 10, right: false, status: 429, retryAfter: true },
    { ...record, endedMs: 20, right: false, status: 429 },
    { ...record, endedMs: 30, right: false, status: null, error: 'ECONNRESET' },
    { ...record, endedMs: 5000, right: true },
  ];
  const summary = summarize(records, { fromMs: 0, toMs: 2000 }, 500);
  assert.equal(summary.goodput_per_second, 0.5);
  assert.equal(summary.goodput_documents_per_second, 1);
  assert.deepEqual(summary.outcomes, { 200: 3, 429: 2, ECONNRESET: 1 });
  assert.equal(summary.wrong, 1);
  assert.equal(summary.accepted['small']!.max_ms, 900);
  assert.deepEqual([summary.refused.count, summary.refused.max_ms, summary.refused.without_retry_after], [2, 20, 1]);
});
