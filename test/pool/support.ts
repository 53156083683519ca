// Pools of scripted workers, and batches for them.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RerankError } from '../../src/errors.ts';
import { ownWeightsSource } from '../../src/model/weights.ts';
import { type PoolEvent, WorkerPool, type WorkerPoolOptions } from '../../src/pool/worker-pool.ts';
import type { PairBatch, Ticket } from '../../src/protocol.ts';
import { PLAIN_ENCODING } from '../../workers/pair-encoder.ts';
import { fakeSpec } from '../helpers/model-spec.ts';

export const WORKER_URL = new URL('./scripted-worker.js', import.meta.url);
export const WEIGHTS = ownWeightsSource(fakeSpec());

/** What each document says is done by the worker, in order; see scripted-worker.ts. */
export function batchOf(...documents: string[]): PairBatch {
  const pairs = new Uint32Array(2 * documents.length);
  documents.forEach((_, index) => {
    pairs[2 * index + 1] = index;
  });
  return { queries: ['q'], documents, pairs, encode: PLAIN_ENCODING, prompt: '', cost: documents.length };
}

export function ticket(overrides: Partial<Ticket> = {}): Ticket {
  return { id: 'test', deadlineMs: Number.POSITIVE_INFINITY, signal: null, maxWorkers: 0, ...overrides };
}

/** Gives the body a pool and closes it afterwards. */
export async function withPool(
  workers: number,
  body: (pool: WorkerPool, directory: string, events: PoolEvent[]) => Promise<void>,
  options: Partial<WorkerPoolOptions> = {},
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
    ...options,
  });
  try {
    await body(pool, directory, events);
  } finally {
    await pool.close(Number.POSITIVE_INFINITY);
    rmSync(directory, { recursive: true });
  }
}

export function codeIs(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof RerankError, String(error));
    assert.equal(error.code, code);
    return true;
  };
}

/** Waits for what no event tells. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !condition(); i += 1) await sleep(5);
  assert.ok(condition(), 'the condition never held');
}
