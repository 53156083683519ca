import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RerankError } from '../../src/errors.ts';
import { ownWeightsSource } from '../../src/model/weights.ts';
import { type PoolEvent, WorkerPool } from '../../src/pool/worker-pool.ts';
import type { PairBatch, Ticket } from '../../src/protocol.ts';
import { PLAIN_ENCODING } from '../../workers/pair-encoder.ts';
import { fakeSpec } from '../helpers/model-spec.ts';

const WORKER_URL = new URL('./scripted-worker.js', import.meta.url);
const WEIGHTS = ownWeightsSource(fakeSpec());

function batchOf(...documents: string[]): PairBatch {
  const pairs = new Uint32Array(2 * documents.length);
  documents.forEach((_, index) => {
    pairs[2 * index + 1] = index;
  });
  return { prompt: '', queries: ['q'], documents, pairs, encode: PLAIN_ENCODING, cost: documents.length };
}

function ticket(overrides: Partial<Ticket> = {}): Ticket {
  return { id: 'test', deadlineMs: Number.POSITIVE_INFINITY, signal: null, maxWorkers: 0, ...overrides };
}

async function withPool(
  workers: number,
  body: (pool: WorkerPool, directory: string, events: PoolEvent[]) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'crossrank-pool-'));
  const events: PoolEvent[] = [];
  const pool = await WorkerPool.start({
    spec: fakeSpec({ directory }),
    weights: WEIGHTS,
    workers,
    cpuMemArena: false,
    workerUrl: WORKER_URL,
    rebuildDelayMs: 20,
    onEvent: (event) => events.push(event),
  });
  try {
    await body(pool, directory, events);
  } finally {
    await pool.close(Number.POSITIVE_INFINITY);
    rmSync(directory, { recursive: true });
  }
}

function codeIs(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof RerankError, String(error));
    assert.equal(error.code, code);
    return true;
  };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !condition(); i += 1) await sleep(5);
  assert.ok(condition(), 'the condition never held');
}

test('scores come back per batch in the order they were given', async () => {
  await withPool(2, async (pool) => {
    const batches = Array.from({ length: 20 }, (_, i) => batchOf(`score ${i}`, `score ${i + 0.5}`));
    const scored = await pool.score(batches, ticket());
    assert.deepEqual(
      scored.map((batch) => Array.from(batch.logits)),
      batches.map((_, i) => [i, i + 0.5]),
    );
    assert.equal(pool.status().outstandingCost, 0);
    assert.equal(pool.status().queuedBatches, 0);
  });
});

test('texts are tokenised in the same queue, in their order, and tell nothing of the speed of scoring', async () => {
  await withPool(2, async (pool) => {
    const speed = pool.costPerSecond();
    const batches = ['a', 'b', 'c'].map((text) => ({ prompt: '', texts: [text], addSpecialTokens: false, cost: 500 }));
    const call = pool.tokenize(batches, ticket());
    assert.equal(pool.status().outstandingCost, 1500);
    assert.deepEqual(
      (await call).flatMap(({ tokens }) => tokens.flatMap(({ texts }) => texts)),
      ['a', 'b', 'c'],
    );
    assert.deepEqual([pool.status().outstandingCost, pool.status().tokens, pool.costPerSecond()], [0, 0, speed]);
  });
});

test('tokenising has deadlines, leaves with its caller, and takes turns with scoring', async () => {
  await withPool(1, async (pool) => {
    const texts = (sleepMs: number) => ({ prompt: '', texts: [String(sleepMs)], addSpecialTokens: true, cost: 1 });
    const leaving = new AbortController();
    const left = pool.tokenize(
      Array.from({ length: 50 }, () => texts(20)),
      ticket({ signal: leaving.signal }),
    );
    const late = pool.tokenize([texts(1)], ticket({ deadlineMs: performance.now() + 1 }));
    await assert.rejects(late, codeIs('deadline'));
    await pool.score([batchOf('score 1')], ticket());
    assert.ok(pool.status().queuedBatches > 10, 'a short call did not wait for a long one');
    leaving.abort();
    await assert.rejects(left, codeIs('cancelled'));
    assert.equal(pool.status().queuedBatches, 0);
    await until(() => pool.status().busyWorkers === 0);
    assert.equal(pool.status().outstandingCost, 0);
  });
});

test('no batches settle at once', async () => {
  await withPool(1, async (pool) => assert.deepEqual(await pool.score([], ticket()), []));
});

test('a start with a failing worker is refused with the cause and leaves no thread', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'crossrank-pool-'));
  writeFileSync(join(directory, 'fail'), '');
  const start = WorkerPool.start({
    spec: fakeSpec({ directory }),
    weights: WEIGHTS,
    workers: 3,
    cpuMemArena: false,
    workerUrl: WORKER_URL,
  });
  await assert.rejects(start, (error: unknown) => codeIs('model_files')(error) && (error as Error).message === 'told to fail');
  rmSync(directory, { recursive: true });
});

test('before the workers are warm a call fails with not_ready', async () => {
  const pool = new WorkerPool({ spec: fakeSpec(), weights: WEIGHTS, workers: 1, cpuMemArena: false, workerUrl: WORKER_URL });
  assert.equal(pool.status().state, 'starting');
  await assert.rejects(pool.score([batchOf('score 1')], ticket()), codeIs('not_ready'));
  await pool.started;
  assert.equal(pool.status().state, 'ready');
  await pool.close(0);
  assert.equal(pool.status().state, 'closed');
});

test('a small call is not stuck behind a large one', async () => {
  await withPool(1, async (pool) => {
    let largeDone = false;
    const large = pool
      .score(
        Array.from({ length: 40 }, () => batchOf('sleep 10')),
        ticket(),
      )
      .then(() => {
        largeDone = true;
      });
    await pool.score([batchOf('score 1')], ticket());
    assert.equal(largeDone, false);
    await large;
  });
});

test('maxWorkers bounds what one call occupies', async () => {
  await withPool(3, async (pool) => {
    let busiest = 0;
    const watch = (): void => {
      busiest = Math.max(busiest, pool.status().busyWorkers);
    };
    const call = pool.score(
      Array.from({ length: 12 }, () => batchOf('sleep 5')),
      ticket({ maxWorkers: 2, onBatch: watch }),
    );
    watch();
    await call;
    assert.equal(busiest, 2);
  });
});

test('a caller that leaves frees its queued batches at once and stops the running one', async () => {
  await withPool(1, async (pool) => {
    const leaving = new AbortController();
    const call = pool.score(
      [batchOf(...Array.from({ length: 500 }, () => 'sleep 10')), ...Array.from({ length: 50 }, () => batchOf('sleep 10'))],
      ticket({ signal: leaving.signal }),
    );
    await sleep(30);
    leaving.abort();
    await assert.rejects(call, codeIs('cancelled'));
    assert.equal(pool.status().queuedBatches, 0);
    await until(() => pool.status().busyWorkers === 0);
    assert.equal(pool.status().outstandingCost, 0);
  });
});

test('a call that is already aborted never enters the queue', async () => {
  await withPool(1, async (pool) => {
    await assert.rejects(pool.score([batchOf('score 1')], ticket({ signal: AbortSignal.abort() })), codeIs('cancelled'));
  });
});

test('an expired call is answered while its worker is busy and never run', async () => {
  await withPool(1, async (pool, directory) => {
    const marker = join(directory, 'ran');
    const blocker = pool.score([batchOf('sleep 200')], ticket());
    const late = pool.score([batchOf(`die-once ${marker}`)], ticket({ deadlineMs: performance.now() + 30 }));
    await assert.rejects(late, codeIs('deadline'));
    await blocker;
    await pool.score([batchOf('score 1')], ticket());
    assert.equal(pool.status().lastError, null, 'the expired batch was run');
  });
});

test("a worker's error settles its call and leaves the pool in order", async () => {
  await withPool(1, async (pool) => {
    const call = pool.score([batchOf('refuse'), batchOf('score 1')], ticket());
    await assert.rejects(call, (error: unknown) => codeIs('inference')(error) && (error as Error).message === 'told to refuse');
    const [scored] = await pool.score([batchOf('score 7')], ticket());
    assert.deepEqual(Array.from(scored!.logits), [7]);
  });
});

test('a worker that dies is replaced and its batch tried once more', async () => {
  await withPool(2, async (pool, directory, events) => {
    const [scored] = await pool.score([batchOf(`die-once ${join(directory, 'died')}`, 'score 3')], ticket());
    assert.deepEqual(Array.from(scored!.logits), [0, 3]);
    assert.deepEqual(
      events.map((event) => event.kind),
      ['worker_died'],
    );
    await until(() => pool.status().readyWorkers === 2);
    assert.equal(pool.status().state, 'ready');
  });
});

test('a batch that kills two workers is answered and does not loop', async () => {
  await withPool(2, async (pool) => {
    await assert.rejects(pool.score([batchOf('die')], ticket()), codeIs('internal'));
    await until(() => pool.status().readyWorkers === 2);
    const [scored] = await pool.score([batchOf('score 1')], ticket());
    assert.deepEqual(Array.from(scored!.logits), [1]);
    assert.equal(pool.status().outstandingCost, 0);
  });
});

test('when a replacement cannot load the pool is degraded, then rebuilt with backoff', async () => {
  await withPool(2, async (pool, directory, events) => {
    writeFileSync(join(directory, 'fail'), '');
    await assert.rejects(pool.score([batchOf('die')], ticket()), codeIs('internal'));
    await until(() => pool.status().state === 'degraded');
    await until(() => events.filter((event) => event.kind === 'rebuilding').length >= 3);
    await assert.rejects(pool.score([batchOf('score 1')], ticket()), codeIs('not_ready'));
    const delays = events.flatMap((event) => (event.kind === 'rebuilding' ? [event.delayMs] : []));
    assert.deepEqual(delays.slice(0, 3), [20, 40, 80]);
    rmSync(join(directory, 'fail'));
    await until(() => pool.status().state === 'ready');
    assert.equal(events.at(-1)?.kind, 'rebuilt');
    const [scored] = await pool.score([batchOf('score 5')], ticket());
    assert.deepEqual(Array.from(scored!.logits), [5]);
  });
});

test('close lets accepted work finish and refuses new work', async () => {
  await withPool(2, async (pool) => {
    const accepted = pool.score(
      Array.from({ length: 10 }, (_, i) => batchOf('sleep 5', `score ${i}`)),
      ticket(),
    );
    const closed = pool.close(10_000);
    assert.equal(pool.status().state, 'draining');
    await assert.rejects(pool.score([batchOf('score 1')], ticket()), codeIs('draining'));
    assert.equal((await accepted).length, 10);
    await closed;
    assert.equal(pool.status().state, 'closed');
  });
});

test('past its time close drops what is left, waits for the running batch, and ends', async () => {
  await withPool(1, async (pool) => {
    const call = pool.score([batchOf(...Array.from({ length: 1000 }, () => 'sleep 5')), batchOf('score 1')], ticket());
    const dropped = assert.rejects(call, codeIs('draining'));
    await pool.close(30);
    await dropped;
    assert.equal(pool.status().busyWorkers, 0);
  });
});

test('closing while the workers load waits for them', async () => {
  const pool = new WorkerPool({ spec: fakeSpec(), weights: WEIGHTS, workers: 2, cpuMemArena: false, workerUrl: WORKER_URL });
  await pool.close(1000);
  assert.equal(pool.status().state, 'closed');
});

test('closing during a rebuild ends it', async () => {
  await withPool(1, async (pool, directory) => {
    writeFileSync(join(directory, 'fail'), '');
    const orphan = assert.rejects(pool.score([batchOf('die')], ticket()), codeIs('not_ready'));
    await until(() => pool.status().state === 'degraded');
    await orphan;
    await pool.close(1000);
    assert.equal(pool.status().state, 'closed');
  });
});
