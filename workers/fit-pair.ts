// What of query and document a pair holds: all, a part, or the document in chunks. Workers/pair-encoder and workers/tokenizer import it.

import type { Chunking } from '../src/protocol.ts';
import { chunkWindows } from './chunk-windows.ts';
import { type CutText, comparableLengths, type TextEncoder } from './tokenizer/text-encoder.ts';
import { keep, longestFirst, type TruncationSide } from './tokenizer/truncate.ts';
import type { Work } from './tokenizer/work.ts';

/** Bounds of the pairs of one batch. */
export interface FitRule {
  /** Tokens of query and document together. */
  readonly budget: number;
  /** The end of a text that loses tokens. */
  readonly side: TruncationSide;
  /** Tokens of a document that are looked at; Infinity for all. */
  readonly maxDocumentTokens: number;
  /** Null cuts a document that does not fit. */
  readonly chunking: Chunking | null;
}

export interface FittedPair {
  readonly query: Int32Array;
  /** The document, or its chunks; at least one. */
  readonly documents: readonly Int32Array[];
  /** Whether a token of query or document is in none of them. */
  readonly truncated: boolean;
}

/** What counts tokens when ids that were cut off do not say enough. */
export interface FittedBy {
  readonly encoder: TextEncoder;
  readonly work: Work;
}

/** Ids of a document that are enough to fit it, and to see that it has more. */
export function documentTokensNeeded({ budget, maxDocumentTokens, chunking }: FitRule): number {
  const windows = chunking === null ? 1 : (chunking.maxChunks ?? Number.POSITIVE_INFINITY);
  return Math.min(maxDocumentTokens, Math.max(1, budget) * windows) + 1;
}

/**
 * Shares the budget between the texts as `longest_first` does, then cuts the document to its share or splits it into windows of
 * that many tokens. So the first chunk is the pair that truncation would score: a query up to half of the budget is whole in every
 * chunk, a longer one is cut to half of it.
 *
 * @param query    with `budget + 1` ids or all it has
 * @param document with {@link documentTokensNeeded} ids or all it has
 */
export function fitPair(by: FittedBy, query: CutText, document: CutText, rule: FitRule): FittedPair {
  const { budget, side, maxDocumentTokens, chunking } = rule;
  const looked = keep(document.ids, maxDocumentTokens, side);
  const lookedAt = { text: document.text, ids: looked, maxTokens: maxDocumentTokens, origin: document };
  const lengths = comparableLengths({ ...by, budget }, query, lookedAt);
  const shares = longestFirst(lengths[0], lengths[1], budget);
  const queryIds = keep(query.ids, shares.query, side);
  const { windows, isComplete } =
    chunking === null || shares.document === 0
      ? { windows: [keep(looked, shares.document, side)], isComplete: shares.document >= looked.length }
      : chunkWindows(looked, shares.document, side, chunking);
  const truncated = queryIds.length < query.ids.length || looked.length < document.ids.length || !isComplete;
  return { query: queryIds, documents: windows, truncated };
}
