// One text -> token ids without special tokens, in bounded pieces. Only workers/pair-encoder and workers/tokenizer import it.

import type { AddedTokenMatcher, Section } from './added-tokens.ts';
import type { BertText } from './bert-text.ts';
import type { TokenModel } from './model.ts';
import type { Edges, Normalizer } from './normalizers.ts';
import { SectionSink } from './section-sink.ts';
import { chunkEnd } from './text-sink.ts';
import { TokenBuffer } from './token-buffer.ts';
import type { TruncationSide } from './truncate.ts';
import { wellFormed } from './unicode.ts';
import { encodeWords, WordSink } from './word-sink.ts';
import type { WordStream } from './word-stream.ts';
import { UNENDING, type Work } from './work.ts';

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
  /** From cuts.ts; null when no place of a text is known to be safe before it is normalised. */
  readonly cuts: RegExp | null;
}

/** Sizes in UTF-16 units; tests make them small. None of them changes an id. */
export interface PieceSizes {
  /** Smallest and largest piece that is wanted; it goes on to the next cut. */
  readonly minPiece: number;
  readonly maxPiece: number;
  /** A piece up to here goes through every stage as one string; a longer one, which no cut ends, in chunks. */
  readonly maxWhole: number;
  readonly chunk: number;
}

export const PIECE_SIZES: PieceSizes = { minPiece: 4096, maxPiece: 16_384, maxWhole: 32_768, chunk: 4096 };

/** Units behind a place that the patterns of cuts.ts look at. */
const CUT_UNITS = 3;

/** A part of a text, `[start, end)`. */
type Span = Pick<Section, 'start' | 'end'>;

export class TextEncoder {
  readonly #stages: TextEncoderStages;
  readonly #sizes: PieceSizes;

  constructor(stages: TextEncoderStages, sizes: PieceSizes = PIECE_SIZES) {
    this.#stages = stages;
    this.#sizes = sizes;
  }

  /**
   * The first (or last) `limit` ids of the text, or all when it has fewer; lone surrogates count as U+FFFD. Of a text of any length
   * no more is read than these ids need, one bounded piece after the other.
   *
   * @param limit at least 1; Infinity for all
   * @throws NotWanted
   */
  encode(text: string, limit: number, side: TruncationSide = 'right', work: Work = UNENDING): Int32Array {
    return side === 'right' ? this.#encodeHead(text, limit, work) : this.#encodeTail(text, limit, work);
  }

  #encodeHead(text: string, limit: number, work: Work): Int32Array {
    const out = new TokenBuffer(limit, work);
    for (let start = 0; start < text.length && !out.isFull; ) {
      const end = this.#cutFrom(text, start + this.#pieceUnits(limit));
      this.#encodeSpan(text, { start, end }, out);
      start = end;
    }
    return out.head();
  }

  #encodeTail(text: string, limit: number, work: Work): Int32Array {
    const parts: Int32Array[] = [];
    let length = 0;
    for (let end = text.length; end > 0 && length < limit; ) {
      const start = this.#cutBefore(text, end - this.#pieceUnits(limit), work);
      const piece = new TokenBuffer(Number.POSITIVE_INFINITY, work);
      this.#encodeSpan(text, { start, end }, piece);
      parts.push(piece.all());
      length += piece.length;
      end = start;
    }
    const all = new TokenBuffer();
    for (const part of parts.reverse()) all.pushAll(part);
    return all.all().slice(Math.max(0, length - limit));
  }

  #pieceUnits(limit: number): number {
    const { minPiece, maxPiece } = this.#sizes;
    return Math.max(minPiece, Math.min(limit * UNITS_PER_TOKEN, maxPiece));
  }

  /** The first cut at or after `from`; the end when there is none near, as then chunks read no more than is needed. */
  #cutFrom(text: string, from: number): number {
    const { cuts } = this.#stages;
    const { maxPiece, maxWhole } = this.#sizes;
    if (from >= text.length) return text.length;
    if (cuts === null) return text.length;
    cuts.lastIndex = 0;
    const match = cuts.exec(text.slice(from, from + Math.max(maxPiece, maxWhole / 2)));
    return match === null ? text.length : from + match.index + match[0].length;
  }

  /** The last cut before `until`, or the beginning. No place is looked at twice. */
  #cutBefore(text: string, until: number, work: Work): number {
    const { cuts } = this.#stages;
    if (cuts === null) return 0;
    for (let end = until; end > 0; end -= this.#sizes.maxPiece) {
      const start = Math.max(0, end - this.#sizes.maxPiece);
      work.spend(end - start);
      const searched = text.slice(start, end + CUT_UNITS);
      let cut = 0;
      cuts.lastIndex = 0;
      for (let match = cuts.exec(searched); match !== null && start + match.index < end; match = cuts.exec(searched))
        cut = start + match.index + match[0].length;
      if (cut > 0) return cut;
    }
    return 0;
  }

  #encodeSpan(text: string, { start, end }: Span, out: TokenBuffer): void {
    const edges = { isFirst: start === 0, isLast: end === text.length };
    if (end - start > this.#sizes.maxWhole) {
      this.#encodeInChunks(text, { start, end }, out);
      return;
    }
    out.work.spend(end - start);
    this.#encodePiece(wellFormed(text.slice(start, end)), edges, out);
  }

  /** A piece of any length: what cannot be decided yet waits in the stages, and reading ends with the last id that is wanted. */
  #encodeInChunks(text: string, { start, end }: Span, out: TokenBuffer): void {
    const { rawTokens, normalize, normalizedTokens, words, model } = this.#stages;
    const ofWords = new WordSink(words, model, out);
    const ofNormalized = new SectionSink(normalizedTokens, ofWords, out);
    const sink = new SectionSink(rawTokens, normalize.stream(ofNormalized, out.work), out);
    sink.begin({ isFirst: start === 0, isAtStart: start === 0 });
    for (let at = start; at < end && !out.isFull; ) {
      const next = Math.min(end, chunkEnd(text, at, this.#sizes.chunk));
      out.work.spend(next - at);
      sink.push(wellFormed(text.slice(at, next)));
      at = next;
    }
    if (!out.isFull) sink.end(end === text.length);
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
    const { normalize, normalizedTokens, words, model } = this.#stages;
    const normalized = normalize.whole(text, edges);
    if (normalizedTokens.isEmpty) {
      encodeWords(words, model, { text: normalized, isAtStart }, out);
      return;
    }
    for (const { start, end, id } of normalizedTokens.sections(normalized)) {
      if (id >= 0) out.push(id);
      else encodeWords(words, model, { text: normalized.slice(start, end), isAtStart: isAtStart && start === 0 }, out);
      if (out.isFull) return;
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
  /** The text as its batch knows it, so that it is counted once for all its pairs; itself when left out. */
  readonly origin?: CutText;
}

/** What is known of the tokens of a text: `count`, of which no more than `limit` were looked for. */
const COUNTS = new WeakMap<CutText, { readonly limit: number; readonly count: number }>();

/**
 * Lengths of two texts for `longestFirst`: exact, or both above the budget and in the right order.
 *
 * Only when both are cut off and an odd token goes to the longer one is more tokenised than the budget asks for.
 */
export function comparableLengths(
  { encoder, budget, work }: { readonly encoder: TextEncoder; readonly budget: number; readonly work: Work },
  a: CutText,
  b: CutText,
): [number, number] {
  const count = (cut: CutText, limit: number): number => {
    const { text, maxTokens = Number.POSITIVE_INFINITY, origin = cut } = cut;
    const known = COUNTS.get(origin);
    if (known !== undefined && (known.limit >= limit || known.count < known.limit))
      return Math.min(known.count, limit, maxTokens);
    const found = encoder.encode(text, Math.min(limit, maxTokens), 'right', work).length;
    if (limit <= maxTokens) COUNTS.set(origin, { limit, count: found });
    return found;
  };
  if (a.ids.length <= budget || b.ids.length <= budget || budget % 2 === 0) return [a.ids.length, b.ids.length];
  for (let limit = (budget + 1) * 2; ; limit *= 2) {
    const lengths: [number, number] = [count(a, limit), count(b, limit)];
    if (Math.min(...lengths) < limit) return lengths;
  }
}
