// Round-robin between callers: each caller is a lane, a lane's entries keep their order. Pure data, no clocks, no threads.

/** One caller's waiting entries. `running` counts what it has in workers. */
export interface Lane<T> {
  readonly entries: T[];
  /** Entries before head are taken; only the tail is live, which keeps taking O(1). */
  head: number;
  running: number;
  /** How many entries may run at once. */
  readonly maxRunning: number;
}

/** @param maxRunning workers this lane may occupy at once; 0 means all */
export function createLane<T>(maxRunning: number): Lane<T> {
  return { entries: [], head: 0, running: 0, maxRunning: maxRunning > 0 ? maxRunning : Number.POSITIVE_INFINITY };
}

/**
 * Lanes take turns: {@link next} gives the first entry of the lane that has waited longest for its turn and may run one more.
 * A lane with thousands of entries therefore delays another one by at most one entry a worker.
 */
export class FairQueue<T> {
  /** Insertion order is turn order: a served lane goes to the back. Only lanes with waiting entries are in the set. */
  readonly #turns = new Set<Lane<T>>();
  #size = 0;

  /** Entries waiting in all lanes. */
  get size(): number {
    return this.#size;
  }

  push(lane: Lane<T>, entry: T): void {
    lane.entries.push(entry);
    this.#size += 1;
    this.#turns.add(lane);
  }

  /** Puts an entry back at the front of its lane, to be taken next when the lane's turn comes. */
  pushFront(lane: Lane<T>, entry: T): void {
    if (lane.head > 0) {
      lane.head -= 1;
      lane.entries[lane.head] = entry;
    } else {
      lane.entries.unshift(entry);
    }
    this.#size += 1;
    this.#turns.add(lane);
  }

  /** Takes the next entry; the lane's `running` is the caller's to change. */
  next(): T | undefined {
    for (const lane of this.#turns) {
      if (lane.running >= lane.maxRunning) continue;
      const entry = lane.entries[lane.head]!;
      lane.head += 1;
      this.#size -= 1;
      this.#turns.delete(lane);
      if (lane.head < lane.entries.length) this.#turns.add(lane);
      else clear(lane);
      return entry;
    }
    return undefined;
  }

  /** Takes every waiting entry of a lane out of the queue. */
  drop(lane: Lane<T>): T[] {
    const dropped = lane.entries.slice(lane.head);
    this.#size -= dropped.length;
    this.#turns.delete(lane);
    clear(lane);
    return dropped;
  }
}

function clear<T>(lane: Lane<T>): void {
  lane.entries.length = 0;
  lane.head = 0;
}
