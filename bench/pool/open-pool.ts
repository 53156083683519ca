// Starts the worker pool as the server does, on the same packed copy.

import { PreparedWeights } from '../../src/model/prepared/prepared-weights.ts';
import { WorkerPool } from '../../src/pool/worker-pool.ts';
import type { ModelSpec } from '../../src/protocol.ts';
import { COPIES } from '../paths.ts';

export function openPool(spec: ModelSpec, workers: number): Promise<WorkerPool> {
  const weights = new PreparedWeights({ spec, dtype: 'float32', pack: true, cacheDirectory: COPIES });
  return WorkerPool.start({ spec, weights, workers, cpuMemArena: false });
}
