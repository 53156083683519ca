// Byte tokens (`<0x0A>`) for text a vocabulary does not hold. Only bpe.ts and unigram.ts import it.

import type { TokenTrie } from './token-trie.ts';

const utf8 = new TextEncoder();

/** Ids of the text's UTF-8 bytes, or null when the vocabulary lacks one of them. */
export function byteIds(trie: TokenTrie, text: string): number[] | null {
  const ids: number[] = [];
  for (const byte of utf8.encode(text)) {
    const id = trie.find(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
    if (id < 0) return null;
    ids.push(id);
  }
  return ids;
}
