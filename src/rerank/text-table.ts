// Equal texts under one number. Long texts are told apart by their digests.

import { createHash } from 'node:crypto';
import type { Steps } from './turns.ts';

/**
 * V8 hashes a string of this length or more by its length alone: in a Map, many such keys of one length are compared
 * with each other.
 */
export const WEAKLY_HASHED = 16_384;

/** Characters digested between two steps. */
const PIECE = 1_048_576;

/** Numbers texts by first appearance. */
export class TextTable<Text extends string | null> {
  readonly texts: Text[] = [];
  readonly #short = new Map<Text, number>();
  /** Length of a long text -> the number of the first that has it. Only a second one makes digests necessary. */
  readonly #firsts = new Map<number, number>();
  readonly #repeatedLengths = new Set<number>();
  readonly #digests = new Map<string, number>();
  /** A list that pairs one long text with many others gives that very string again and again. */
  #last: { readonly text: string; readonly number: number } | null = null;

  /** Number of a text that is not {@link isLong}; equal texts have the same. */
  add(text: Text): number {
    return this.#number(this.#short, text, text);
  }

  /** As {@link add}, for a text of any length. */
  *addLong(text: Text & string): Steps<number> {
    if (text === this.#last?.text) return this.#last.number;
    const number = yield* this.#addDigested(text);
    this.#last = { text, number };
    return number;
  }

  *#addDigested(text: Text & string): Steps<number> {
    const first = this.#firsts.get(text.length);
    if (first === undefined) return this.#number(this.#firsts, text.length, text);
    if (!this.#repeatedLengths.has(text.length)) {
      this.#repeatedLengths.add(text.length);
      this.#digests.set(yield* digest(this.texts[first] as string), first);
    }
    return this.#number(this.#digests, yield* digest(text), text);
  }

  #number<Key>(numbers: Map<Key, number>, key: Key, text: Text): number {
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, this.texts.length);
    return this.texts.push(text) - 1;
  }
}

/** Whether a text is too long to be the key of a Map. */
export function isLong<Text extends string | null>(text: Text): text is Text & string {
  return text !== null && text.length >= WEAKLY_HASHED;
}

/** Of the UTF-16 units, with their number: nothing that a text may hold, lone surrogates included, is lost. */
function* digest(text: string): Steps<string> {
  const hash = createHash('sha256');
  for (let start = 0; start < text.length; start += PIECE) {
    const piece = text.slice(start, start + PIECE);
    hash.update(piece, 'utf16le');
    yield piece.length;
  }
  return `${text.length}:${hash.digest('base64')}`;
}
