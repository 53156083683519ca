// Sends a corpus through the pool as fast as it takes it: the engine's speed without HTTP, JSON and planning.

import type { WorkerPool } from '../../src/pool/worker-pool.ts';
import type { ScoredBatch, Ticket } from '../../src/protocol.ts';
import { estimate } from '../../src/rerank/estimate.ts';
import { type Gathered, gather } from '../../src/rerank/gather.ts';
import { rankPairs } from '../../src/rerank/pair-list.ts';
import { type Plan, plan } from '../../src/rerank/plan.ts';
import { BATCH_SECONDS } from '../../src/rerank/reranker.ts';
import { atOnce } from '../../src/rerank/turns.ts';
import { PLAIN_ENCODING } from '../../workers/pair-encoder.ts';
import type { CorpusRequest } from '../corpus.ts';

const MAX_BATCH_PAIRS = 1024;

export interface Drive {
  readonly seconds: number;
  /** Logits of each request, in the order of its documents. */
  readonly logits: readonly Float32Array[];
}

/**
 * Scores every request, `concurrency` at a time. Batches are planned beforehand, by the same rules and the same measured speed.
 */
export async function drive(pool: WorkerPool, corpus: readonly CorpusRequest[], concurrency: number): Promise<Drive> {
  const plans = corpus.map((request) => planRequest(pool, request));
  const answers: (readonly ScoredBatch[])[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < plans.length) {
      const index = next;
      next += 1;
      answers[index] = await pool.score(plans[index]!.batches, ticket(index));
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: concurrency }, lane));
  const seconds = (performance.now() - started) / 1000;
  return {
    seconds,
    logits: plans.map((each, index): Gathered => atOnce(gather(each, answers[index]!))).map(({ logits }) => logits),
  };
}

function planRequest(pool: WorkerPool, { query, documents }: CorpusRequest): Plan {
  const list = atOnce(rankPairs(query, documents));
  const { workers, charactersPerSecond } = pool.status();
  const limits = {
    batchCost: pool.costPerSecond() * BATCH_SECONDS,
    batchPairs: MAX_BATCH_PAIRS,
    workers,
    costPerCharacter: pool.costPerSecond() / charactersPerSecond,
  };
  const model = { ...pool.spec, specialTokens: pool.facts.specialTokens };
  return atOnce(plan(list, atOnce(estimate(list, model, PLAIN_ENCODING)), PLAIN_ENCODING, limits));
}

function ticket(index: number): Ticket {
  return { id: String(index), deadlineMs: Number.POSITIVE_INFINITY, signal: null, maxWorkers: 0 };
}
