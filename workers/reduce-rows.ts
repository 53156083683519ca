// Pure: what the model gave for every row -> one row a pair. Only workers/scorer imports it.

import { RerankError } from '../src/errors.ts';
import type { BatchScores } from '../src/protocol.ts';

/** Logits and tokens of rows, or of pairs. */
export type RowScores = Pick<BatchScores, 'logits' | 'numLabels' | 'tokenCounts'>;

/**
 * The best logit of each pair's rows and the sum of their tokens. A NaN wins, so that it is reported and not hidden behind a better chunk.
 *
 * @param rowCounts rows of each pair, at least 1; a pair's rows stand beside each other
 */
export function reduceRows(scores: RowScores, rowCounts: Uint32Array): Pick<RowScores, 'logits' | 'tokenCounts'> {
  const { logits, numLabels, tokenCounts } = scores;
  if (tokenCounts.length === rowCounts.length) return { logits, tokenCounts };
  if (numLabels !== 1)
    throw new RerankError('internal', `chunks of a model with ${numLabels} labels have no best one. This is a bug.`);
  const best = new Float32Array(rowCounts.length);
  const tokens = new Uint32Array(rowCounts.length);
  let start = 0;
  rowCounts.forEach((count, pair) => {
    best[pair] = logits.subarray(start, start + count).reduce((a, b) => Math.max(a, b));
    tokens[pair] = tokenCounts.subarray(start, start + count).reduce((a, b) => a + b);
    start += count;
  });
  return { logits: best, tokenCounts: tokens };
}
