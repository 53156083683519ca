// Estimated work of a pair, from characters alone: the main thread has no tokenizer.

import type { Chunking, EncodeOptions } from '../protocol.ts';

/** Characters of alphabetic text a token covers on average; scripts written without spaces have about one token a character. */
const CHARACTERS_PER_TOKEN = 4;

/** First code unit of the scripts counted one token a character: CJK radicals, kana, hangul, ideographs. */
const DENSE_FROM = 0x2e80;

/**
 * Estimated tokens of a text, at most limit. Stops reading when the limit is reached, so a 10 MB document costs no more than a long one.
 * The pool's measured speed is in the same estimate, so a steady bias cancels out.
 */
export function estimateTokens(text: string, limit: number): number {
  let tokens = 1;
  for (let i = 0; i < text.length && tokens < limit; i += 1) {
    tokens += text.charCodeAt(i) >= DENSE_FROM ? 1 : 1 / CHARACTERS_PER_TOKEN;
  }
  return Math.min(Math.ceil(tokens), limit);
}

/**
 * Cost units of a pair: its tokens, plus attention's quadratic part in proportion (per layer 24 h^2 + 4 L h operations a token).
 * A whole number: costs are added when work comes and taken off when it is done, and with fractions nothing waiting would not be 0.
 *
 * @param tokens     of the pair, special tokens included
 * @param hiddenSize h of the model
 */
export function pairCost(tokens: number, hiddenSize: number): number {
  return Math.round(tokens * (1 + tokens / (6 * hiddenSize)));
}

/** What the model will run for one pair, estimated: one row, or one a chunk of the document. */
export interface PairWork {
  readonly rows: number;
  /** Tokens of every row but the last. */
  readonly tokens: number;
  /** Tokens of the last row, which may be short. */
  readonly lastTokens: number;
}

/** Tokens of a document, beyond which it cannot cost more. */
export function documentTokenLimit({ maxTokensPerDocument, chunking }: EncodeOptions, maxLength: number): number {
  const rows = chunking === null ? 1 : (chunking.maxChunks ?? Number.POSITIVE_INFINITY);
  return Math.min(maxTokensPerDocument ?? Number.POSITIVE_INFINITY, rows * maxLength);
}

/**
 * Splits as the workers will (fit-pair.ts and chunk-windows.ts there), with estimated tokens.
 *
 * @param query     tokens, at most maxLength
 * @param document  tokens, at most {@link documentTokenLimit}
 * @param maxLength of a pair
 */
export function pairWork(query: number, document: number, { chunking }: EncodeOptions, maxLength: number): PairWork {
  if (chunking === null || query + document <= maxLength) {
    const tokens = Math.min(query + document, maxLength);
    return { rows: 1, tokens, lastTokens: tokens };
  }
  const kept = Math.min(query, Math.floor(maxLength / 2));
  const window = Math.max(1, maxLength - kept);
  const step = window - sharedTokens(window, chunking.overlap);
  const needed = 1 + Math.ceil(Math.max(0, document - window) / step);
  const rows = Math.min(needed, chunking.maxChunks ?? Number.POSITIVE_INFINITY);
  return {
    rows,
    tokens: maxLength,
    lastTokens: rows < needed || needed === 1 ? maxLength : kept + document - (needed - 1) * step,
  };
}

function sharedTokens(window: number, overlap: Chunking['overlap']): number {
  const wanted = 'tokens' in overlap ? overlap.tokens : Math.floor(window * overlap.share);
  return Math.min(wanted, Math.floor(window / 2));
}
