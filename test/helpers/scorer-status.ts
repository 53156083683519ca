// The status of a scorer in order, for fakes.

import type { ScorerStatus } from '../../src/protocol.ts';

/** All workers ready, nothing waiting. */
export function readyStatus(workers: number): ScorerStatus {
  return {
    state: 'ready',
    workers,
    readyWorkers: workers,
    busyWorkers: 0,
    lostWorkers: 0,
    calls: 0,
    quickCost: 0,
    charactersPerSecond: 1e7,
    queuedBatches: 0,
    outstandingCost: 0,
    peakCostPerSecond: 0,
    idleMs: Number.POSITIVE_INFINITY,
    tokens: 0,
    tokenSlots: 0,
    lastError: null,
  };
}
