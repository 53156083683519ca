// Pure: keeps the k best of a stream, in memory of k.

import type { SourceDocument } from './documents.ts';

/** A document with its score; `text` is null where texts are not wanted. */
export interface RankedEntry extends Omit<SourceDocument, 'text'> {
  readonly score: number;
  readonly text: string | null;
}

/** A heap with the worst kept entry on top. Order: score descending, equal scores by corpusId, as `CrossEncoder.rank` has it. */
export class TopK {
  readonly #capacity: number;
  readonly #heap: RankedEntry[] = [];

  /** @param capacity most entries kept; Infinity keeps all */
  constructor(capacity: number, entries: readonly RankedEntry[] = []) {
    this.#capacity = capacity;
    for (const entry of entries) this.offer(entry);
  }

  /** @returns whether the entry was among the best so far */
  offer(entry: RankedEntry): boolean {
    if (this.#heap.length < this.#capacity) {
      this.#heap.push(entry);
      this.#rise(this.#heap.length - 1);
      return true;
    }
    if (this.#heap.length === 0 || byRank(entry, this.#heap[0]!) > 0) return false;
    this.#heap[0] = entry;
    this.#sink(0);
    return true;
  }

  /** The kept entries in no particular order. */
  get entries(): readonly RankedEntry[] {
    return this.#heap;
  }

  /** The kept entries, best first. */
  sorted(): RankedEntry[] {
    return this.#heap.toSorted(byRank);
  }

  #rise(position: number): void {
    const parent = (position - 1) >> 1;
    if (position === 0 || byRank(this.#heap[parent]!, this.#heap[position]!) >= 0) return;
    this.#swap(position, parent);
    this.#rise(parent);
  }

  #sink(position: number): void {
    let worst = position;
    for (const child of [2 * position + 1, 2 * position + 2]) {
      if (child < this.#heap.length && byRank(this.#heap[child]!, this.#heap[worst]!) > 0) worst = child;
    }
    if (worst === position) return;
    this.#swap(position, worst);
    this.#sink(worst);
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b]!, heap[a]!];
  }
}

/** Negative when a ranks before b. */
function byRank(a: RankedEntry, b: RankedEntry): number {
  return b.score - a.score || a.corpusId - b.corpusId;
}
