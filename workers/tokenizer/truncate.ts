// How many tokens of query and document fit: `longest_first`. Pure; workers/pair-encoder and workers/tokenizer import it.

export type TruncationSide = 'left' | 'right';

/** Tokens kept of the query and of the document. */
export interface Shares {
  readonly query: number;
  readonly document: number;
}

/**
 * Closed form of taking one token at a time from the longer of two lists until both fit into `budget`.
 *
 * A length above the budget need not be exact; of two such lengths only which is the greater matters.
 *
 * @see utils/truncation.rs of tokenizers 0.22.2
 */
export function longestFirst(queryTokens: number, documentTokens: number, budget: number): Shares {
  if (queryTokens + documentTokens <= budget) return { query: queryTokens, document: documentTokens };
  let shorter = Math.min(queryTokens, documentTokens);
  let longer = shorter > budget ? shorter : Math.max(shorter, budget - shorter);
  if (shorter + longer > budget) {
    shorter = Math.floor(budget / 2);
    longer = shorter + (budget % 2);
  }
  // Of two equally long lists the document counts as the longer.
  return queryTokens > documentTokens ? { query: longer, document: shorter } : { query: shorter, document: longer };
}

/** The ids that stay: the first ones, or the last ones when the tokenizer truncates on the left. No copy. */
export function keep(ids: Int32Array, count: number, side: TruncationSide): Int32Array {
  if (count >= ids.length) return ids;
  return side === 'right' ? ids.subarray(0, count) : ids.subarray(ids.length - count);
}
