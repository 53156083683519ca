// One text -> token ids without special tokens, in bounded pieces. Only workers/pair-encoder and workers/tokenizer import it.

import type { AddedTokenMatcher } from './added-tokens.ts';
import type { BertText } from './bert-text.ts';
import type { TokenModel } from './model.ts';
import type { Edges, Normalizer } from './normalizers.ts';
import { TokenBuffer } from './token-buffer.ts';
import type { TruncationSide } from './truncate.ts';
import { wellFormed } from './unicode.ts';
import type { WordStream } from './word-stream.ts';

/** Smallest piece worth cutting off, UTF-16 units. */
const MIN_PIECE_UNITS = 4096;
/** Units of text per wanted token in a piece; prose takes 3 to 6. */
const UNITS_PER_TOKEN = 6;

export interface TextEncoderStages {
  readonly rawTokens: AddedTokenMatcher;
  readonly normalize: Normalizer;
  readonly normalizedTokens: AddedTokenMatcher;
  readonly words: WordStream;
  readonly model: TokenModel;
  /** Takes the place of normalize, words and model where it gives the same ids. */
  readonly bertText: BertText | null;
  /** From cuts.ts; null when a text must be encoded as a whole. */
  readonly cuts: RegExp | null;
}

export class TextEncoder {
  readonly #stages: TextEncoderStages;
  /** Units of a piece at least; tests make it small. */
  readonly #minPieceUnits: number;

  constructor(stages: TextEncoderStages, minPieceUnits = MIN_PIECE_UNITS) {
    this.#stages = stages;
    this.#minPieceUnits = minPieceUnits;
  }

  /**
   * The first (or last) `limit` ids of the text, or all when it has fewer; lone surrogates count as U+FFFD.
   *
   * @param limit at least 1; Infinity for all
   */
  encode(text: string, limit: number, side: TruncationSide = 'right'): Int32Array {
    const clean = wellFormed(text);
    const pieceUnits = Math.max(this.#minPieceUnits, Math.min(limit, clean.length) * UNITS_PER_TOKEN);
    return side === 'right' ? this.#encodeHead(clean, limit, pieceUnits) : this.#encodeTail(clean, limit, pieceUnits);
  }

  #encodeHead(text: string, limit: number, pieceUnits: number): Int32Array {
    const out = new TokenBuffer(limit);
    for (let start = 0; start < text.length && !out.isFull; ) {
      const end = this.#cutFrom(text, start + pieceUnits);
      this.#encodePiece(text.slice(start, end), { isFirst: start === 0, isLast: end === text.length }, out);
      start = end;
    }
    return out.head();
  }

  #encodeTail(text: string, limit: number, pieceUnits: number): Int32Array {
    const parts: Int32Array[] = [];
    let length = 0;
    for (let end = text.length; end > 0 && length < limit; ) {
      const start = this.#cutBefore(text, end - pieceUnits);
      const piece = new TokenBuffer();
      this.#encodePiece(text.slice(start, end), { isFirst: start === 0, isLast: end === text.length }, piece);
      parts.push(piece.all());
      length += piece.length;
      end = start;
    }
    const all = new TokenBuffer();
    for (const part of parts.reverse()) all.pushAll(part);
    return all.all().slice(Math.max(0, length - limit));
  }

  /** The first cut at or after `from`, or the end. */
  #cutFrom(text: string, from: number): number {
    const { cuts } = this.#stages;
    if (cuts === null || from >= text.length) return text.length;
    cuts.lastIndex = from;
    const match = cuts.exec(text);
    return match === null ? text.length : match.index + match[0].length;
  }

  /** The last cut before `until` that a search in doubling windows finds, or the beginning. */
  #cutBefore(text: string, until: number): number {
    const { cuts } = this.#stages;
    if (cuts === null || until <= 0) return 0;
    for (let window = 256; ; window *= 2) {
      const start = Math.max(0, until - window);
      let cut = 0;
      cuts.lastIndex = start;
      for (let match = cuts.exec(text); match !== null && match.index < until; match = cuts.exec(text))
        cut = match.index + match[0].length;
      if (cut > 0 || start === 0) return cut;
    }
  }

  #encodePiece(text: string, edges: Edges, out: TokenBuffer): void {
    const { rawTokens, bertText } = this.#stages;
    for (const { start, end, id } of rawTokens.sections(text)) {
      if (id >= 0) {
        out.push(id);
      } else {
        const section = start === 0 && end === text.length ? text : text.slice(start, end);
        if (bertText !== null) bertText.encode(section, out);
        else this.#encodeSection(section, edgesOf(edges, start, end, text.length), start === 0 && edges.isFirst, out);
      }
      if (out.isFull) return;
    }
  }

  #encodeSection(text: string, edges: Edges, isAtStart: boolean, out: TokenBuffer): void {
    const { normalize, normalizedTokens } = this.#stages;
    const normalized = normalize(text, edges);
    if (normalizedTokens.isEmpty) {
      this.#encodeWords(normalized, isAtStart, out);
      return;
    }
    for (const { start, end, id } of normalizedTokens.sections(normalized)) {
      if (id >= 0) out.push(id);
      else this.#encodeWords(normalized.slice(start, end), isAtStart && start === 0, out);
      if (out.isFull) return;
    }
  }

  #encodeWords(text: string, isAtStart: boolean, out: TokenBuffer): void {
    if (text === '') return;
    const { words, model } = this.#stages;
    for (const batch of words(text, isAtStart)) {
      for (const word of batch) {
        model.tokenize(word, out);
        if (out.isFull) return;
      }
    }
  }
}

/** A section beside an added token stands at an edge of its own. */
function edgesOf(piece: Edges, start: number, end: number, length: number): Edges {
  return { isFirst: start > 0 || piece.isFirst, isLast: end < length || piece.isLast };
}

/** A text and its ids, cut off at `maxTokens` or somewhere above the budget. */
export interface CutText {
  readonly text: string;
  readonly ids: Int32Array;
  /** What follows this many ids does not count; Infinity when left out. */
  readonly maxTokens?: number;
}

/**
 * Lengths of two texts for `longestFirst`: exact, or both above the budget and in the right order.
 *
 * Only when both are cut off and an odd token goes to the longer one is more tokenised than the budget asks for.
 */
export function comparableLengths(encoder: TextEncoder, a: CutText, b: CutText, budget: number): [number, number] {
  if (a.ids.length <= budget || b.ids.length <= budget || budget % 2 === 0) return [a.ids.length, b.ids.length];
  for (let limit = (budget + 1) * 2; ; limit *= 2) {
    const lengths: [number, number] = [countTokens(encoder, a, limit), countTokens(encoder, b, limit)];
    if (Math.min(...lengths) < limit) return lengths;
  }
}

/** Tokens that count, at most `limit`. */
function countTokens(encoder: TextEncoder, { text, maxTokens = Number.POSITIVE_INFINITY }: CutText, limit: number): number {
  return encoder.encode(text, Math.min(limit, maxTokens)).length;
}
