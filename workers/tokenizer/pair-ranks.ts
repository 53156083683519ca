// Merges of a BPE model: (left id, right id) -> rank, in flat arrays. Only bpe.ts imports it.

export class PairRanks {
  readonly #lefts: Int32Array;
  readonly #rights: Int32Array;
  readonly #ranks: Int32Array;
  readonly #mask: number;

  constructor(capacity: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(16, capacity * 2)));
    this.#lefts = new Int32Array(slots);
    this.#rights = new Int32Array(slots);
    this.#ranks = new Int32Array(slots).fill(-1);
    this.#mask = slots - 1;
  }

  /** A later rank of the same pair wins, as in the reference's map. */
  set(left: number, right: number, rank: number): void {
    let slot = hash(left, right) & this.#mask;
    while (this.#ranks[slot]! >= 0 && !(this.#lefts[slot] === left && this.#rights[slot] === right))
      slot = (slot + 1) & this.#mask;
    this.#lefts[slot] = left;
    this.#rights[slot] = right;
    this.#ranks[slot] = rank;
  }

  /** Rank of a pair, -1 when it never merges. */
  get(left: number, right: number): number {
    let slot = hash(left, right) & this.#mask;
    for (let rank = this.#ranks[slot]!; rank >= 0; rank = this.#ranks[slot]!) {
      if (this.#lefts[slot] === left && this.#rights[slot] === right) return rank;
      slot = (slot + 1) & this.#mask;
    }
    return -1;
  }
}

function hash(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 1, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
