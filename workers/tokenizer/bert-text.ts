// The fast way for BERT tokenizers: BertNormalizer, BertPreTokenizer and WordPiece in one pass over the text. Only text-encoder.ts imports it.
// Same ids as the three stages one after the other; no string is made per word.

import { flag, type Json } from './json.ts';
import { normalForm } from './normal-forms.ts';
import type { TokenBuffer } from './token-buffer.ts';
import {
  charFlags,
  FLAG_IDEOGRAPH,
  FLAG_PUNCTUATION,
  FLAG_SPACE,
  isAscii,
  lowercase,
  removeControls,
  removeNonspacingMarks,
} from './unicode.ts';
import type { WordPiece } from './word-piece.ts';

const ASCII_CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

export class BertText {
  readonly #model: WordPiece;
  readonly #cleans: boolean;
  readonly #splitsIdeographs: boolean;
  readonly #lowers: boolean;
  readonly #stripsAccents: boolean;

  /** @param normalizer the `BertNormalizer` block */
  constructor(normalizer: Json, model: WordPiece) {
    this.#model = model;
    this.#cleans = flag(normalizer.clean_text, true);
    this.#splitsIdeographs = flag(normalizer.handle_chinese_chars, true);
    this.#lowers = flag(normalizer.lowercase, true);
    this.#stripsAccents = flag(normalizer.strip_accents, this.#lowers);
  }

  /** Pushes the ids of a text without added tokens; stops at the first word end after the buffer is full. */
  encode(text: string, out: TokenBuffer): void {
    const normalized = this.#normalize(text);
    const isolated = this.#splitsIdeographs ? FLAG_PUNCTUATION | FLAG_IDEOGRAPH : FLAG_PUNCTUATION;
    const model = this.#model;
    let wordStart = 0;
    for (let i = 0; i < normalized.length; ) {
      let code = normalized.charCodeAt(i);
      let next = i + 1;
      if ((code & 0xfc00) === 0xd800) {
        code = normalized.codePointAt(i)!;
        next += 1;
      }
      const bits = charFlags[code]!;
      if ((bits & (isolated | FLAG_SPACE)) !== 0) {
        if (wordStart < i) model.tokenizeRange(normalized, wordStart, i, out);
        if ((bits & FLAG_SPACE) === 0) model.tokenizeRange(normalized, i, next, out);
        wordStart = next;
        if (out.isFull) return;
      }
      i = next;
    }
    if (wordStart < normalized.length) model.tokenizeRange(normalized, wordStart, normalized.length, out);
  }

  /**
   * The normaliser's steps that change words. White space needs no replacing and ideographs no spaces around them, as
   * the loop above splits there; an ideograph is one before and after decomposition alike.
   */
  #normalize(text: string): string {
    let current = text;
    if (isAscii(current)) {
      if (this.#cleans && ASCII_CONTROL.test(current)) current = removeControls(current);
    } else {
      if (this.#cleans) current = removeControls(current);
      if (this.#stripsAccents) current = removeNonspacingMarks(normalForm(current, 'NFD'));
    }
    return this.#lowers ? lowercase(current) : current;
  }
}
