// Pure: texts to be tokenised -> batches of bounded work, in their order.

import type { TextBatch } from '../protocol.ts';
import { checkedCost, estimateTokensInSteps } from './cost.ts';
import { ITEM_CHARACTERS, type Steps } from './turns.ts';

/** What a worker gives of tokens with their places; 90,000 to 190,000 were measured, by the kind of tokenizer. */
const TOKENS_PER_SECOND = 100_000;

/** Batches are about this long in a worker, like those of scoring. */
const BATCH_SECONDS = 0.05;

export interface TextPlan {
  readonly batches: readonly TextBatch[];
  /** Cost units of all batches. */
  readonly cost: number;
}

export interface TextRequest {
  readonly texts: readonly string[];
  readonly addSpecialTokens: boolean;
  /** Put before every text by the worker. */
  readonly prompt: string;
}

/**
 * A text above the length of a batch makes one of its own.
 *
 * @param costPerSecond cost units a worker scores in a second: the unit of work, though the model has no part in this
 */
export function* planTexts({ texts, addSpecialTokens, prompt }: TextRequest, costPerSecond: number): Steps<TextPlan> {
  const batchCost = costPerSecond * BATCH_SECONDS;
  const promptTokens = prompt === '' ? 0 : yield* estimateTokensInSteps(prompt, Number.POSITIVE_INFINITY);
  const batches: TextBatch[] = [];
  let total = 0;
  let start = 0;
  let cost = 0;
  for (let i = 0; i < texts.length; i += 1) {
    const tokens = promptTokens + (yield* estimateTokensInSteps(texts[i]!, Number.POSITIVE_INFINITY));
    const added = checkedCost(Math.ceil((tokens / TOKENS_PER_SECOND) * costPerSecond));
    if (i > start && cost + added > batchCost) {
      batches.push({ texts: texts.slice(start, i), addSpecialTokens, prompt, cost });
      start = i;
      cost = 0;
    }
    cost += added;
    total += added;
    yield ITEM_CHARACTERS;
  }
  if (start < texts.length) batches.push({ texts: texts.slice(start), addSpecialTokens, prompt, cost });
  return { batches, cost: total };
}
