// Weighted fair queueing between callers: each caller is a lane, a lane's entries keep their order. Pure data, no clocks, no threads.

/** One caller's waiting entries. `running` counts what it has in workers. */
export interface Lane<T> {
  readonly entries: T[];
  /** Entries before head are taken; only the tail is live, which keeps taking O(1). */
  head: number;
  running: number;
  /** How many entries may run at once. */
  readonly maxRunning: number;
  /** Share of the workers relative to other lanes. */
  readonly weight: number;
  /** Cost of all entries of a quick lane: so little that it is served whole before larger lanes go on. Null for the others. */
  readonly quickCost: number | null;
  /** Virtual time at which the lane's next entry begins. */
  start: number;
  /** Virtual time at which all of a quick lane would be done if it shared. */
  finish: number;
  /** Cost the queue had given to all lanes when this one was last served, or began to wait. */
  givenBefore: number;
}

/**
 * @param maxRunning workers this lane may occupy at once; 0 means all
 * @param weight     above 0; twice the weight is twice the work while both lanes wait
 * @param quickCost  see {@link Lane}
 */
export function createLane<T>(maxRunning: number, weight = 1, quickCost: number | null = null): Lane<T> {
  const bound = maxRunning > 0 ? maxRunning : Number.POSITIVE_INFINITY;
  return { entries: [], head: 0, running: 0, maxRunning: bound, weight, quickCost, start: 0, finish: 0, givenBefore: 0 };
}

/** What the pool needs of its queue; the benches put a plain first-in-first-out queue in its place. */
export interface JobQueue<T> {
  /** Entries waiting in all lanes. */
  readonly size: number;
  push(lane: Lane<T>, entry: T): void;
  /** Puts an entry that was taken back at the front of its lane. */
  pushFront(lane: Lane<T>, entry: T): void;
  /** Takes the next entry; the lane's `running` is the caller's to change. */
  next(): T | undefined;
  /** Takes every waiting entry of a lane out of the queue. */
  drop(lane: Lane<T>): T[];
}

/**
 * Lanes share the workers by cost, each in proportion to its weight (start-time fair queueing, entries taken by their finish): a lane that
 * comes late begins where the others are, however many large calls wait. A quick lane does not share: it is served whole before the
 * others of its weight or less, so a small call waits for the entries that are running and no more; among quick lanes the one comes first that
 * would be done first if they shared, so that the smaller overtakes and nobody is overtaken for ever. That alone would let
 * small calls that never end starve a large one; a lane that was passed over by more work than its share of it therefore goes first.
 *
 * @see Goyal, Vin, Cheng: Start-time Fair Queuing, 1996
 */
export class FairQueue<T> implements JobQueue<T> {
  /** Only lanes with waiting entries, in the order they came. */
  readonly #lanes = new Set<Lane<T>>();
  readonly #costOf: (entry: T) => number;
  #size = 0;
  /** Virtual time: the start of the entry taken last. */
  #now = 0;
  /** Cost of all entries taken so far. */
  #given = 0;

  /** @param costOf work of an entry, in any unit, above 0 */
  constructor(costOf: (entry: T) => number) {
    this.#costOf = costOf;
  }

  get size(): number {
    return this.#size;
  }

  push(lane: Lane<T>, entry: T): void {
    lane.entries.push(entry);
    this.#wait(lane);
  }

  pushFront(lane: Lane<T>, entry: T): void {
    if (lane.head > 0) {
      lane.head -= 1;
      lane.entries[lane.head] = entry;
    } else {
      lane.entries.unshift(entry);
    }
    lane.start -= this.#costOf(entry) / lane.weight;
    this.#wait(lane);
  }

  next(): T | undefined {
    const lane = this.#choose();
    if (lane === undefined) return undefined;
    const entry = lane.entries[lane.head]!;
    const cost = this.#costOf(entry);
    this.#now = Math.max(this.#now, lane.start);
    this.#given += cost;
    lane.start += cost / lane.weight;
    lane.givenBefore = this.#given;
    lane.head += 1;
    this.#size -= 1;
    if (lane.head === lane.entries.length) this.#leave(lane);
    return entry;
  }

  drop(lane: Lane<T>): T[] {
    const dropped = lane.entries.slice(lane.head);
    this.#size -= dropped.length;
    this.#leave(lane);
    return dropped;
  }

  #wait(lane: Lane<T>): void {
    this.#size += 1;
    if (this.#lanes.has(lane)) return;
    // Time in which a lane had nothing to do is no credit.
    lane.start = Math.max(lane.start, this.#now);
    if (lane.head === 0) lane.finish = lane.start + (lane.quickCost ?? 0) / lane.weight;
    lane.givenBefore = this.#given;
    this.#lanes.add(lane);
  }

  /** The lane that was passed over by most of its share, if by all of it; else the first quick one; else the one whose entry finishes first. */
  #choose(): Lane<T> | undefined {
    const weight = this.#waitingWeight();
    let first: Lane<T> | undefined;
    let quick: Lane<T> | undefined;
    let earliest = Number.POSITIVE_INFINITY;
    let overdue: Lane<T> | undefined;
    let passedOver = 1;
    for (const lane of this.#lanes) {
      if (lane.running >= lane.maxRunning) continue;
      const time = this.#costOf(lane.entries[lane.head]!) / lane.weight;
      const shares = (this.#given - lane.givenBefore) / (time * weight);
      if (shares > passedOver) {
        passedOver = shares;
        overdue = lane;
      }
      if (lane.quickCost !== null && lane.finish < (quick?.finish ?? Number.POSITIVE_INFINITY)) quick = lane;
      if (lane.start + time < earliest) {
        earliest = lane.start + time;
        first = lane;
      }
    }
    if (overdue !== undefined) return overdue;
    return quick !== undefined && quick.weight >= first!.weight ? quick : first;
  }

  #waitingWeight(): number {
    let weight = 0;
    for (const lane of this.#lanes) weight += lane.weight;
    return weight;
  }

  #leave(lane: Lane<T>): void {
    lane.entries.length = 0;
    lane.head = 0;
    this.#lanes.delete(lane);
  }
}
