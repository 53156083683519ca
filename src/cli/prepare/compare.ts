// Scores a file of queries with the model's own float32 weights and with the prepared ones, side by side.

import { randomUUID } from 'node:crypto';
import type { Config } from '../../config.ts';
import { ownWeightsSource } from '../../model/weights.ts';
import { WorkerPool } from '../../pool/worker-pool.ts';
import type { ModelSpec, WeightsSource } from '../../protocol.ts';
import { DEFAULT_RERANKER_OPTIONS, Reranker } from '../../rerank/reranker.ts';
import { DEFAULT_SCORING } from '../../rerank/types.ts';
import { CommandError } from '../exit-codes.ts';
import { type Fidelity, FidelitySum } from './fidelity.ts';
import type { JudgedQuery } from './judged-queries.ts';

export interface Comparison {
  readonly config: Config;
  readonly spec: ModelSpec;
  readonly prepared: WeightsSource;
  readonly queries: AsyncIterable<JudgedQuery>;
  readonly signal: AbortSignal;
  readonly onQuery: (done: number) => void;
}

/** @throws CommandError `model` for a model of several labels, `input` for a file without queries; RerankError of the scoring */
export async function compareWithFloat32({ config, spec, prepared, queries, signal, onQuery }: Comparison): Promise<Fidelity> {
  const pools: WorkerPool[] = [];
  try {
    for (const weights of [ownWeightsSource(spec), prepared]) pools.push(await startPool(config, spec, weights));
    const [reference, candidate] = pools.map((pool) => new Reranker(pool, DEFAULT_RERANKER_OPTIONS));
    const sum = new FidelitySum();
    let done = 0;
    for await (const query of queries) {
      sum.add({
        reference: await scoresOf(reference!, query, signal),
        candidate: await scoresOf(candidate!, query, signal),
        relevant: query.relevant,
      });
      done += 1;
      onQuery(done);
    }
    if (done === 0) throw new CommandError('input', 'the file to verify with holds no query');
    return sum.result();
  } finally {
    for (const pool of pools) await pool.close(0);
  }
}

async function startPool({ workers, cpuMemArena }: Config, spec: ModelSpec, weights: WeightsSource): Promise<WorkerPool> {
  const pool = await WorkerPool.start({ spec, weights, workers, cpuMemArena });
  if (pool.facts.numLabels === 1) return pool;
  await pool.close(0);
  throw new CommandError(
    'model',
    `${spec.id} gives ${pool.facts.numLabels} scores a pair; rankings can be compared with one only`,
  );
}

async function scoresOf(reranker: Reranker, { query, documents }: JudgedQuery, signal: AbortSignal): Promise<Float32Array> {
  const context = { id: randomUUID(), deadlineMs: Number.POSITIVE_INFINITY, signal };
  const { scores } = await reranker.predict({ ...DEFAULT_SCORING, pairs: documents.map((text) => [query, text]) }, context);
  return scores;
}
