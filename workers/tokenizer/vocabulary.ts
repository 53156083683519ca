// The vocabulary object of a model block. Only the models import it.

import { idAt, objectAt } from './json.ts';
import { TokenTrie } from './token-trie.ts';

/** Token texts and ids of `vocab: {text: id}`. @throws RerankError `model_files` */
export function readVocabulary(vocab: unknown, where: string): { readonly trie: TokenTrie; readonly size: number } {
  const entries = Object.entries(objectAt(vocab, `${where}.vocab`));
  const trie = new TokenTrie(entries.length);
  for (const [text, id] of entries) trie.add(text, idAt(id, `${where}.vocab[${JSON.stringify(text)}]`));
  return { trie, size: entries.length };
}
