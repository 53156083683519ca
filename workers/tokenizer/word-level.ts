// The WordLevel model: a word is one token. Only model.ts imports it.

import { failModel, type Json } from './json.ts';
import type { PlacedToken, TokenModel } from './model.ts';
import type { TokenBuffer } from './token-buffer.ts';
import type { TokenTrie } from './token-trie.ts';
import { readVocabulary } from './vocabulary.ts';

export class WordLevel implements TokenModel {
  readonly size: number;
  readonly #trie: TokenTrie;
  readonly #unknown: string;
  readonly #unknownId: number;
  readonly #where: string;

  constructor(config: Json, where: string) {
    const { trie, size } = readVocabulary(config.vocab, where);
    this.size = size;
    this.#trie = trie;
    this.#unknown = typeof config.unk_token === 'string' ? config.unk_token : '<unk>';
    this.#unknownId = trie.find(this.#unknown);
    this.#where = where;
  }

  tokenize(word: string, out: TokenBuffer): void {
    out.push(this.#find(word).id);
  }

  place(word: string): PlacedToken[] {
    return [{ ...this.#find(word), start: 0, end: word.length }];
  }

  idOf(token: string): number {
    return this.#trie.find(token);
  }

  #find(word: string): Pick<PlacedToken, 'id' | 'text'> {
    const id = this.#trie.find(word);
    if (id >= 0) return { id, text: word };
    if (this.#unknownId < 0) failModel(this.#where, 'unk_token is not in the vocabulary');
    return { id: this.#unknownId, text: this.#unknown };
  }
}
