// The vocabulary object of a model block. Only the models import it.

import { failModel, idAt, objectAt } from './json.ts';
import { TokenTrie } from './token-trie.ts';

/** Twice the largest vocabulary there is; the same for merges. */
const MAX_TOKENS = 2 ** 21;

/** @throws RerankError `model_files` */
export function checkTokenCount(count: number, where: string): void {
  if (count > MAX_TOKENS) failModel(where, `it has ${count} entries; at most ${MAX_TOKENS} are read`);
}

/** Token texts and ids of `vocab: {text: id}`. @throws RerankError `model_files` */
export function readVocabulary(vocab: unknown, where: string): { readonly trie: TokenTrie; readonly size: number } {
  const entries = Object.entries(objectAt(vocab, `${where}.vocab`));
  checkTokenCount(entries.length, `${where}.vocab`);
  const trie = new TokenTrie(entries.length);
  for (const [text, id] of entries) trie.add(text, idAt(id, `${where}.vocab[${JSON.stringify(text)}]`));
  return { trie, size: entries.length };
}
