// Byte tokens (`<0x0A>`) for text a vocabulary does not hold. Only bpe.ts and unigram.ts import it.

import { chunkEnd } from './text-sink.ts';
import type { TokenBuffer } from './token-buffer.ts';
import type { TokenTrie } from './token-trie.ts';
import type { Work } from './work.ts';

const CHUNK_UNITS = 4096;

const utf8 = new TextEncoder();

export class ByteTokens {
  /** Byte -> id, -1 where the vocabulary lacks it. */
  readonly #ids: Int32Array;
  readonly #hasAll: boolean;

  constructor(trie: TokenTrie) {
    this.#ids = Int32Array.from({ length: 256 }, (_, byte) =>
      trie.find(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
    );
    this.#hasAll = !this.#ids.includes(-1);
  }

  /** Ids of one character's UTF-8 bytes, or null when the vocabulary lacks one of them. */
  idsOf(char: string): number[] | null {
    const ids = Array.from(utf8.encode(char), (byte) => this.#ids[byte]!);
    return ids.includes(-1) ? null : ids;
  }

  /** Pushes the ids of a text's UTF-8 bytes until the buffer is full; pushes nothing and says false when one of them is missing. */
  push(text: string, out: TokenBuffer): boolean {
    if (!this.#hasAll && !this.#covers(text, out.work)) return false;
    for (const bytes of utf8Chunks(text, out.work)) {
      for (const byte of bytes) out.push(this.#ids[byte]!);
      if (out.isFull) break;
    }
    return true;
  }

  #covers(text: string, work: Work): boolean {
    for (const bytes of utf8Chunks(text, work)) if (bytes.some((byte) => this.#ids[byte]! < 0)) return false;
    return true;
  }
}

function* utf8Chunks(text: string, work: Work): Generator<Uint8Array> {
  for (let start = 0; start < text.length; ) {
    const end = chunkEnd(text, start, CHUNK_UNITS);
    work.spend(end - start);
    yield utf8.encode(text.slice(start, end));
    start = end;
  }
}
