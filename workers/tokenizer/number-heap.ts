// A binary min-heap of numbers. Only bpe.ts imports it.

export class NumberHeap {
  #items = new Float64Array(64);
  #length = 0;

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  clear(): void {
    this.#length = 0;
  }

  /** Empties it, and lets its memory go. */
  shrink(): void {
    this.#length = 0;
    this.#items = new Float64Array(64);
  }

  push(value: number): void {
    if (this.#length === this.#items.length) {
      const items = new Float64Array(this.#length * 2);
      items.set(this.#items);
      this.#items = items;
    }
    const items = this.#items;
    let at = this.#length;
    this.#length += 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]! <= value) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = value;
  }

  /** Takes the smallest; the heap must not be empty. */
  pop(): number {
    const items = this.#items;
    const top = items[0]!;
    this.#length -= 1;
    const length = this.#length;
    const value = items[length]!;
    let at = 0;
    for (let child = 1; child < length; child = at * 2 + 1) {
      if (child + 1 < length && items[child + 1]! < items[child]!) child += 1;
      if (items[child]! >= value) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = value;
    return top;
  }
}
