// Pure: scores -> ranked documents.

import { RerankError } from '../errors.ts';
import { sortedInSteps } from './sorted.ts';
import { atOnce, type Steps } from './turns.ts';
import type { RankedDocument, ScoringOptions } from './types.ts';

/**
 * Orders documents by descending score, equal scores by index, as Python's stable `sorted(reverse=True)` leaves them, or first by
 * descending logit, which tells scores apart that an activation rounded to the same number.
 *
 * @param scores one per document, after the activation
 * @param logits one per document
 * @param topK   cuts as the Python slice `[:topK]` does: 0 keeps none, -1 drops the last, null keeps all
 * @throws RerankError `inference` naming the first document whose score is NaN: a NaN would silently break the order
 */
export function* rankInSteps(
  scores: Float32Array,
  logits: Float32Array,
  topK: number | null,
  tieBreak: ScoringOptions['tieBreak'] = 'index',
): Steps<RankedDocument[]> {
  checkFinite(scores, 'document');
  const ties = tieBreak === 'logit' ? logits : scores;
  // Two equal infinities differ by NaN, which falls through to the next criterion as 0 does.
  const order = yield* sortedInSteps(scores.length, (a, b) => scores[b]! - scores[a]! || ties[b]! - ties[a]! || a - b);
  const kept = order.slice(0, topK ?? order.length);
  return Array.from(kept, (index) => ({ index, score: scores[index]!, logit: logits[index]! }));
}

/** As {@link rankInSteps}, without pauses. */
export function rank(...inputs: Parameters<typeof rankInSteps>): RankedDocument[] {
  return atOnce(rankInSteps(...inputs));
}

/** @param what names the unit of the index in the message: document or pair */
export function checkFinite(scores: Float32Array, what: string, numLabels = 1): void {
  const bad = scores.findIndex(Number.isNaN);
  if (bad !== -1) throw new RerankError('inference', `the model gave NaN for ${what} ${Math.floor(bad / numLabels)}`);
}
