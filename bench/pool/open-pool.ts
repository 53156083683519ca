// Starts the worker pool as the server does.

import { ownWeightsSource } from '../../src/model/weights.ts';
import { WorkerPool } from '../../src/pool/worker-pool.ts';
import type { ModelSpec } from '../../src/protocol.ts';

export function openPool(spec: ModelSpec, workers: number): Promise<WorkerPool> {
  return WorkerPool.start({ spec, weights: ownWeightsSource(spec), workers, cpuMemArena: false });
}
