// The WordPiece model: greedy longest match from the left. Only model.ts and bert-text.ts import it.
// Same ids as models/wordpiece of tokenizers 0.22.2; a trie walk takes the place of its repeated lookups.

import { failModel, type Json, type WholeBounds, wholeAt } from './json.ts';
import type { PlacedToken, TokenModel } from './model.ts';
import { TokenBuffer } from './token-buffer.ts';
import { type TokenTrie, TRIE_NONE, TRIE_ROOT } from './token-trie.ts';
import { readVocabulary } from './vocabulary.ts';
import type { Work } from './work.ts';

const WORD_CHARS: WholeBounds = { min: 0, max: 2 ** 31 - 1, fallback: 100 };

export class WordPiece implements TokenModel {
  readonly size: number;
  readonly #trie: TokenTrie;
  /** Where the walk of a continuing piece starts: behind `##`. */
  readonly #continuing: number;
  readonly #maxChars: number;
  readonly #prefix: string;
  readonly #unknown: string;
  readonly #unknownId: number;
  readonly #where: string;

  constructor(config: Json, where: string) {
    const { trie, size } = readVocabulary(config.vocab, where);
    this.size = size;
    this.#trie = trie;
    this.#prefix = typeof config.continuing_subword_prefix === 'string' ? config.continuing_subword_prefix : '##';
    this.#continuing = trie.walk(this.#prefix);
    this.#maxChars = wholeAt(config.max_input_chars_per_word, `${where}.max_input_chars_per_word`, WORD_CHARS);
    this.#unknown = typeof config.unk_token === 'string' ? config.unk_token : '[UNK]';
    this.#unknownId = trie.find(this.#unknown);
    this.#where = where;
  }

  tokenize(word: string, out: TokenBuffer): void {
    this.tokenizeRange(word, 0, word.length, out);
  }

  /** As {@link tokenize} for the word `text[first, last)`, without cutting it out. */
  tokenizeRange(text: string, first: number, last: number, out: TokenBuffer): void {
    const before = out.length;
    if (last - first > this.#maxChars && codePoints(text, first, last) > this.#maxChars) {
      this.#pushUnknown(out);
      return;
    }
    const trie = this.#trie;
    for (let start = first; start < last; ) {
      let node = start === first ? TRIE_ROOT : this.#continuing;
      let id = -1;
      let end = start;
      for (let i = start; i < last && node !== TRIE_NONE; ) {
        node = trie.step(node, text.charCodeAt(i));
        i += 1;
        if (node !== TRIE_NONE && trie.idAt(node) >= 0) {
          id = trie.idAt(node);
          end = i;
        }
      }
      if (id < 0) {
        // One piece without a token makes the whole word unknown.
        out.rewind(before);
        this.#pushUnknown(out);
        return;
      }
      out.push(id);
      start = end;
    }
  }

  /** A token that is not the unknown one is as long as the part of the word it stands for. */
  place(word: string, work: Work): PlacedToken[] {
    const out = new TokenBuffer(Number.POSITIVE_INFINITY, work);
    this.tokenize(word, out);
    const ids = Array.from(out.all());
    if (ids.length === 1 && ids[0] === this.#unknownId)
      return [{ id: this.#unknownId, text: this.#unknown, start: 0, end: word.length }];
    let start = 0;
    return ids.map((id, index) => {
      const prefix = index === 0 ? '' : this.#prefix;
      const end = start + this.#trie.textOf(id).length - prefix.length;
      const placed = { id, text: prefix + word.slice(start, end), start, end };
      start = end;
      return placed;
    });
  }

  idOf(token: string): number {
    return this.#trie.find(token);
  }

  #pushUnknown(out: TokenBuffer): void {
    if (this.#unknownId < 0) failModel(this.#where, 'unk_token is not in the vocabulary');
    out.push(this.#unknownId);
  }
}

function codePoints(text: string, first: number, last: number): number {
  let count = 0;
  for (let i = first; i < last; i += 1) if ((text.charCodeAt(i) & 0xfc00) !== 0xdc00) count += 1;
  return count;
}
