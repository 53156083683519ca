// Pure: texts to be tokenised -> batches of bounded work, in their order.

import type { TextBatch } from '../protocol.ts';
import { estimateTokens } from './cost.ts';

/** What a worker gives of tokens with their places; 90,000 to 190,000 were measured, by the kind of tokenizer. */
const TOKENS_PER_SECOND = 100_000;

/** Batches are about this long in a worker, like those of scoring. */
const BATCH_SECONDS = 0.05;

export interface TextPlan {
  readonly batches: readonly TextBatch[];
  /** Cost units of all batches. */
  readonly cost: number;
}

/**
 * A text above the length of a batch makes one of its own.
 *
 * @param costPerSecond cost units a worker scores in a second: the unit of work, though the model has no part in this
 */
export function planTexts(texts: readonly string[], addSpecialTokens: boolean, costPerSecond: number): TextPlan {
  const batchCost = costPerSecond * BATCH_SECONDS;
  const costs = texts.map((text) => (estimateTokens(text, Number.POSITIVE_INFINITY) / TOKENS_PER_SECOND) * costPerSecond);
  const batches: TextBatch[] = [];
  let start = 0;
  let cost = 0;
  for (let i = 0; i <= texts.length; i += 1) {
    if (i > start && (i === texts.length || cost + costs[i]! > batchCost)) {
      batches.push({ prompt: '', texts: texts.slice(start, i), addSpecialTokens, cost });
      start = i;
      cost = 0;
    }
    cost += costs[i] ?? 0;
  }
  return { batches, cost: costs.reduce((sum, each) => sum + each, 0) };
}
