// A growing list of token ids that can stop asking for more. Only workers/tokenizer and pair-encoder import it.

import { UNENDING, type Work } from './work.ts';

export class TokenBuffer {
  /** Ids wanted at most; more may be pushed by the word that reaches it. */
  readonly limit: number;
  /** Whoever makes ids says here what it did. */
  readonly work: Work;
  #ids = new Int32Array(64);
  #length = 0;

  constructor(limit = Number.POSITIVE_INFINITY, work = UNENDING) {
    this.limit = limit;
    this.work = work;
  }

  get length(): number {
    return this.#length;
  }

  get isFull(): boolean {
    return this.#length >= this.limit;
  }

  push(id: number): void {
    if (this.#length === this.#ids.length) this.#grow(this.#length * 2);
    this.#ids[this.#length] = id;
    this.#length += 1;
  }

  pushAll(ids: ArrayLike<number>): void {
    if (this.#length + ids.length > this.#ids.length) this.#grow(Math.max(this.#length + ids.length, this.#length * 2));
    this.#ids.set(ids, this.#length);
    this.#length += ids.length;
  }

  /** Drops what was pushed after `length`. */
  rewind(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** A copy of the first `limit` ids. */
  head(): Int32Array {
    return this.#ids.slice(0, Math.min(this.#length, this.limit));
  }

  /** A copy of all ids. */
  all(): Int32Array {
    return this.#ids.slice(0, this.#length);
  }

  #grow(capacity: number): void {
    const ids = new Int32Array(capacity);
    ids.set(this.#ids.subarray(0, this.#length));
    this.#ids = ids;
  }
}
