// Estimated work of a pair, from characters alone: the main thread has no tokenizer.

import { RerankError } from '../errors.ts';
import type { Chunking, EncodeOptions } from '../protocol.ts';
import type { Steps } from './turns.ts';

/** Characters of alphabetic text a token covers on average; scripts written without spaces have about one token a character. */
const CHARACTERS_PER_TOKEN = 4;

/** First code unit of the scripts counted one token a character: CJK radicals, kana, hangul, ideographs. */
const DENSE_FROM = 0x2e80;

/**
 * Estimated tokens of a text, at most limit. Stops reading when the limit is reached, so a 10 MB document costs no more than a long one.
 * The pool's measured speed is in the same estimate, so a steady bias cancels out.
 */
export function estimateTokens(text: string, limit: number): number {
  return Math.min(Math.ceil(countTokens(text, 0, text.length, 1, limit)), limit);
}

/** As {@link estimateTokens}, in steps. */
export function* estimateTokensInSteps(text: string, limit: number): Steps<number> {
  let tokens = 1;
  for (let start = 0; start < text.length && tokens < limit; start += PIECE) {
    tokens = countTokens(text, start, Math.min(start + PIECE, text.length), tokens, limit);
    yield PIECE;
  }
  return Math.min(Math.ceil(tokens), limit);
}

/** Characters that are looked at between two steps. */
const PIECE = 262_144;

/** Whether {@link estimateTokens} may take more than a moment. */
export function isLongToEstimate(text: string): boolean {
  return text.length > PIECE;
}

function countTokens(text: string, start: number, end: number, before: number, limit: number): number {
  let tokens = before;
  for (let i = start; i < end && tokens < limit; i += 1) {
    tokens += text.charCodeAt(i) >= DENSE_FROM ? 1 : 1 / CHARACTERS_PER_TOKEN;
  }
  return tokens;
}

/** No token covers more characters than this in the long run; a limit of tokens leaves the rest of a text unread. */
const LONGEST_TOKEN = 8;

/** Characters that are read whatever the limit is: texts are encoded in pieces of some thousand. */
const LEAST_READ = 4096;

/** What lies beyond is copied to the worker, no more. */
const UNREAD_SHARE = 1 / 16;

/**
 * Characters by which the reading of a text is priced. Of a text of words: those that the limit may need, and a fraction of the others.
 * Of any other (spaces, marks, one endless word) nobody knows where it has so many tokens, so all of it.
 *
 * @param prompt put before the text
 */
export function charactersRead(prompt: string, text: string, { tokenLimit, side, isReadWhole }: ReadRule): number {
  const length = prompt.length + text.length;
  const needed = LONGEST_TOKEN * tokenLimit + LEAST_READ;
  if (length <= needed || isReadWhole) return length;
  const window = 2 * needed;
  const head = prompt.slice(0, window) + text.slice(0, window);
  const isEnough =
    (side === 'left' || countWords(head, window) >= tokenLimit) &&
    (side === 'right' || countWords(text.slice(-window), window) >= tokenLimit);
  return isEnough ? Math.ceil(needed + (length - needed) * UNREAD_SHARE) : length;
}

/** What of a text its reader looks at. */
export interface ReadRule {
  /** Tokens that are looked at; Infinity for all. */
  readonly tokenLimit: number;
  /** The end that loses tokens; null when only the tokenizer knows. */
  readonly side: 'left' | 'right' | null;
  /** Even what no run sees is read, to know how long the text is. */
  readonly isReadWhole: boolean;
}

/** Whatever the tokenizer, a word of letters or digits is a token or more, and of ideographs every second one. */
function countWords(text: string, length: number): number {
  let words = 0;
  let inWord = false;
  for (let i = 0; i < Math.min(text.length, length); i += 1) {
    const code = text.charCodeAt(i);
    const isLetter = isPlainLetter(code);
    if (isLetter && !inWord) words += 1;
    else if (code >= FIRST_IDEOGRAPH && code <= LAST_IDEOGRAPH) words += 0.5;
    inWord = isLetter;
  }
  return words;
}

const FIRST_IDEOGRAPH = 0x4e00;
const LAST_IDEOGRAPH = 0x9fff;

/** Letters and digits of ASCII, Latin, Greek and Cyrillic: no mark, no space, nothing a normaliser takes away. */
function isPlainLetter(code: number): boolean {
  if (code < 0x80) return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
  return (code >= 0xc0 && code < 0x250) || (code >= 0x391 && code <= 0x481);
}

/** What the model will run for one pair, estimated: one row, or one a chunk of the document. */
export interface PairWork {
  readonly rows: number;
  /** Tokens of every row but the last. */
  readonly tokens: number;
  /** Tokens of the last row, which may be short. */
  readonly lastTokens: number;
}

/** Tokens of a document, beyond which it cannot cost more. @param budget of a pair, for both texts */
export function documentTokenLimit({ maxTokensPerDocument, chunking }: EncodeOptions, budget: number): number {
  const rows = chunking === null ? 1 : (chunking.maxChunks ?? Number.POSITIVE_INFINITY);
  return Math.min(maxTokensPerDocument ?? Number.POSITIVE_INFINITY, rows * Math.max(1, budget));
}

/**
 * Splits as the workers will (fit-pair.ts and chunk-windows.ts there), with estimated tokens.
 *
 * @param query    tokens, at most the budget
 * @param document tokens, at most {@link documentTokenLimit}
 * @param budget   tokens of a pair that are left for both texts; may be 0
 */
export function pairWork(query: number, document: number, { chunking }: EncodeOptions, budget: number): PairWork {
  if (chunking === null || query + document <= budget || budget < 2) {
    const tokens = Math.min(query + document, budget);
    return { rows: 1, tokens, lastTokens: tokens };
  }
  const kept = Math.min(query, Math.floor(budget / 2));
  const window = budget - kept;
  const step = window - sharedTokens(window, chunking.overlap);
  const needed = 1 + Math.ceil(Math.max(0, document - window) / step);
  const rows = Math.min(needed, chunking.maxChunks ?? Number.POSITIVE_INFINITY);
  return {
    rows,
    tokens: budget,
    lastTokens: rows < needed || needed === 1 ? budget : kept + document - (needed - 1) * step,
  };
}

function sharedTokens(window: number, overlap: Chunking['overlap']): number {
  const wanted = 'tokens' in overlap ? overlap.tokens : Math.floor(window * overlap.share);
  return Math.min(wanted, Math.floor(window / 2));
}

/** Guards what costs are added to: one that is no number would stay in every sum. @throws RerankError `internal` */
export function checkedCost(cost: number): number {
  if (Number.isFinite(cost) && cost >= 0) return cost;
  throw new RerankError('internal', `a call was priced at ${cost}. This is a bug.`);
}
