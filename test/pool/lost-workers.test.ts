// Workers that do not come back from calls nobody waits for.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerPool } from '../../src/pool/worker-pool.ts';
import { PHASE } from '../../src/protocol.ts';
import { RunGate } from '../../workers/run-gate.ts';
import { batchOf, codeIs, ticket, until, withPool } from './support.ts';

const SOON = { lostAfterMs: 30 };

/** Sends a batch and leaves as soon as a worker has it. */
async function abandon(pool: WorkerPool, document: string): Promise<void> {
  const leaving = new AbortController();
  const call = pool.score([batchOf(document)], ticket({ signal: leaving.signal }));
  await until(() => pool.status().busyWorkers > 0);
  await sleep(20); // until the worker has begun: it tells nobody
  leaving.abort();
  await assert.rejects(call, codeIs('cancelled'));
}

async function assertServes(pool: WorkerPool): Promise<void> {
  const [scored] = await pool.score([batchOf('score 7')], ticket());
  assert.deepEqual(Array.from(scored!.logits), [7]);
}

test('a worker that never comes back from JavaScript is ended and replaced, again and again', async () => {
  await withPool(
    1,
    async (pool, _directory, events) => {
      for (let times = 1; times <= 3; times += 1) {
        await abandon(pool, 'spin');
        await assertServes(pool);
        assert.equal(events.filter((event) => event.kind === 'worker_lost' && event.where === 'script').length, times);
        assert.equal(events.length, times, 'nothing else happened');
        const { outstandingCost, quickCost, lostWorkers, calls, state } = pool.status();
        assert.deepEqual([outstandingCost, quickCost, lostWorkers, calls, state], [0, 0, 0, 0, 'ready']);
      }
    },
    SOON,
  );
});

test('while one is lost the others serve', async () => {
  await withPool(2, async (pool) => {
    await abandon(pool, 'spin');
    for (let i = 0; i < 20; i += 1) await assertServes(pool);
  }, SOON); // biome-ignore format: one line
});

test('a worker inside the runtime is not ended: the pool tells, builds another set, and ends the old one when it comes back', async () => {
  await withPool(
    1,
    async (pool, directory, events) => {
      const release = join(directory, 'release');
      await abandon(pool, `stuck ${release}`);
      await until(() => pool.status().lostWorkers === 1);
      assert.deepEqual([pool.status().state, pool.status().readyWorkers], ['degraded', 0]);
      await until(() => pool.status().state === 'ready');
      await assertServes(pool);
      assert.deepEqual(
        events.map((event) => (event.kind === 'worker_lost' ? event.where : event.kind)),
        ['runtime', 'rebuilding', 'rebuilt'],
      );
      assert.deepEqual([pool.status().lostWorkers, pool.status().outstandingCost], [1, 0]);
      writeFileSync(release, '');
      await until(() => pool.status().lostWorkers === 0);
      await assertServes(pool);
    },
    SOON,
  );
});

test('sets are left behind a bounded number of times, then the pool stays degraded', async () => {
  await withPool(
    1,
    async (pool, directory, events) => {
      const release = join(directory, 'release');
      for (let lost = 1; lost <= 4; lost += 1) {
        await until(() => pool.status().state === 'ready');
        await abandon(pool, `stuck ${release}`);
        await until(() => pool.status().lostWorkers === lost);
      }
      assert.equal(events.filter(({ kind }) => kind === 'rebuilt').length, 3);
      assert.deepEqual([pool.status().state, pool.status().readyWorkers], ['degraded', 0]);
      writeFileSync(release, '');
      await until(() => pool.status().state === 'ready');
      await assertServes(pool);
    },
    SOON,
  );
});

test('close comes back whatever a worker does', async () => {
  for (const document of ['spin', 'stuck']) {
    await withPool(
      1,
      async (pool, directory) => {
        const release = join(directory, 'release');
        const call = pool.score([batchOf(`${document} ${release}`)], ticket());
        const dropped = assert.rejects(call, codeIs('draining'));
        await pool.close(30);
        await dropped;
        const { state, lostWorkers } = pool.status();
        assert.deepEqual([state, lostWorkers], ['closed', document === 'stuck' ? 1 : 0]);
        writeFileSync(release, '');
        await until(() => pool.status().lostWorkers === 0);
      },
      SOON,
    );
  }
});

test('a worker that comes back in time is not lost', async () => {
  await withPool(1, async (pool, _directory, events) => {
    await abandon(pool, 'sleep 60');
    await until(() => pool.status().busyWorkers === 0);
    await assertServes(pool);
    assert.deepEqual(events, []);
  });
});

test('the runtime is entered by a worker or its thread condemned, never both', () => {
  const phase = new Int32Array(new SharedArrayBuffer(4));
  const gate = new RunGate(phase);
  const condemn = () => Atomics.compareExchange(phase, 0, PHASE.script, PHASE.condemned);
  gate.enter();
  assert.equal(condemn(), PHASE.runtime);
  gate.leave();
  assert.equal(condemn(), PHASE.script);
  assert.equal(phase[0], PHASE.condemned);
});
