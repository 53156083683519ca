// The WordLevel model: a word is one token. Only model.ts imports it.

import { failModel, type Json } from './json.ts';
import type { TokenModel } from './model.ts';
import type { TokenBuffer } from './token-buffer.ts';
import type { TokenTrie } from './token-trie.ts';
import { readVocabulary } from './vocabulary.ts';

export class WordLevel implements TokenModel {
  readonly size: number;
  readonly #trie: TokenTrie;
  readonly #unknownId: number;
  readonly #where: string;

  constructor(config: Json, where: string) {
    const { trie, size } = readVocabulary(config.vocab, where);
    this.size = size;
    this.#trie = trie;
    this.#unknownId = trie.find(typeof config.unk_token === 'string' ? config.unk_token : '<unk>');
    this.#where = where;
  }

  tokenize(word: string, out: TokenBuffer): void {
    const id = this.#trie.find(word);
    if (id < 0 && this.#unknownId < 0) failModel(this.#where, 'unk_token is not in the vocabulary');
    out.push(id < 0 ? this.#unknownId : id);
  }

  idOf(token: string): number {
    return this.#trie.find(token);
  }
}
