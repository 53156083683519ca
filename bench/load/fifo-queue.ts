// First in, first out over all callers: what a plain queue does, for comparison in the bench only.

import type { JobQueue, Lane } from '../../src/pool/fair-queue.ts';

interface Waiting<T> {
  readonly lane: Lane<T>;
  readonly entry: T;
}

/** A lane's bound of running entries holds here, too. @see JobQueue */
export class FifoQueue<T> implements JobQueue<T> {
  #waiting: Waiting<T>[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  push(lane: Lane<T>, entry: T): void {
    this.#waiting.push({ lane, entry });
  }

  pushFront(lane: Lane<T>, entry: T): void {
    this.#waiting.unshift({ lane, entry });
  }

  next(): T | undefined {
    const place = this.#waiting.findIndex(({ lane }) => lane.running < lane.maxRunning);
    return place === -1 ? undefined : this.#waiting.splice(place, 1)[0]!.entry;
  }

  drop(lane: Lane<T>): T[] {
    const dropped = this.#waiting.filter((each) => each.lane === lane);
    this.#waiting = this.#waiting.filter((each) => each.lane !== lane);
    return dropped.map(({ entry }) => entry);
  }
}
