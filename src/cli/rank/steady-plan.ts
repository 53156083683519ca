// A scorer whose batches do not depend on the machine's speed of the moment.

import type { Scorer } from '../../protocol.ts';
import { BATCH_SECONDS } from '../../rerank/reranker.ts';

/** Cost units (about tokens) of a batch: some eight runs of the model, so that runs are full and messages rare. */
const BATCH_COST = 2048;

const COST_PER_SECOND = BATCH_COST / BATCH_SECONDS;

/** Characters that count as one such unit; about what tokenizers do while the model does it. */
const CHARACTERS_PER_COST = 200;

/**
 * The same scorer with a constant speed and one worker to plan for. A pair's score can differ in its last bit with the pairs
 * that share its run; planned from the texts alone, runs are the same however fast the machine is and however many workers
 * it has, so a resumed run writes the bytes an uninterrupted one would have written.
 */
export function steadyPlan(scorer: Scorer): Scorer {
  return {
    spec: scorer.spec,
    get facts() {
      return scorer.facts;
    },
    costPerSecond: () => COST_PER_SECOND,
    status: () => ({ ...scorer.status(), workers: 1, charactersPerSecond: CHARACTERS_PER_COST * COST_PER_SECOND }),
    score: (batches, ticket) => scorer.score(batches, ticket),
    tokenize: (batches, ticket) => scorer.tokenize(batches, ticket),
    close: (timeoutMs) => scorer.close(timeoutMs),
  };
}
