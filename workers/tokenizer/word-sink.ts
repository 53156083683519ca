// The last stages of a text that comes in chunks: its words, and their ids. Only text-encoder.ts imports it.

import type { TokenModel } from './model.ts';
import { Holdback, type SectionStart, type TextSink } from './text-sink.ts';
import type { TokenBuffer } from './token-buffer.ts';
import type { WordStream } from './word-stream.ts';

/** Units of text without an end of a word after which its beginning is tried. */
const OPEN_WORD_UNITS = 65_536;
/** Units at the end of an open word that may turn out to belong to the next one; contractions and runs of spaces take two. */
const OPEN_END_UNITS = 16;

export class WordSink implements TextSink {
  readonly #words: WordStream;
  readonly #model: TokenModel;
  readonly #out: TokenBuffer;
  readonly #held: Holdback;
  #isAtStart = false;
  /** Length of what is held at which its beginning is tried next: doubled each time, so that all tries cost what the text costs. */
  #nextTry = OPEN_WORD_UNITS;

  constructor(words: WordStream, model: TokenModel, out: TokenBuffer) {
    this.#words = words;
    this.#model = model;
    this.#out = out;
    this.#held = new Holdback(words.lastCut, 4);
  }

  begin({ isAtStart }: SectionStart): void {
    this.#isAtStart = isAtStart;
    this.#nextTry = OPEN_WORD_UNITS;
  }

  push(chunk: string): void {
    if (this.#out.isFull) return;
    this.#encode(this.#held.add(chunk));
    if (this.#held.length < OPEN_WORD_UNITS) this.#nextTry = OPEN_WORD_UNITS;
    else if (this.#held.length >= this.#nextTry) this.#tryOpenWord();
  }

  end(): void {
    this.#encode(this.#held.takeAll());
  }

  #encode(text: string): void {
    if (text === '' || this.#out.isFull) return;
    encodeWords(this.#words, this.#model, { text, isAtStart: this.#isAtStart }, this.#out);
    this.#isAtStart = false;
  }

  /** A word that has not ended may have all the ids that are wanted; then the rest of the text need not be read. */
  #tryOpenWord(): void {
    this.#nextTry = this.#held.length * 2;
    const { tokenizeBeginning } = this.#model;
    if (!this.#words.isOpenEnded || tokenizeBeginning === undefined || this.#out.limit === Number.POSITIVE_INFINITY) return;
    const word = this.#onlyWord();
    if (word !== null) tokenizeBeginning(word.slice(0, -OPEN_END_UNITS), this.#out);
  }

  #onlyWord(): string | null {
    let only: string | null = null;
    for (const batch of this.#words.split(this.#held.text, this.#isAtStart, this.#out.work)) {
      for (const word of batch) {
        if (only !== null) return null;
        only = word;
      }
    }
    return only;
  }
}

/** Pushes the ids of a text's words until the buffer is full. */
export function encodeWords(
  words: WordStream,
  model: TokenModel,
  { text, isAtStart }: { readonly text: string; readonly isAtStart: boolean },
  out: TokenBuffer,
): void {
  if (text === '') return;
  const { work } = out;
  for (const batch of words.split(text, isAtStart, work)) {
    for (const word of batch) {
      work.spend(word.length);
      model.tokenize(word, out);
      if (out.isFull) return;
    }
  }
}
