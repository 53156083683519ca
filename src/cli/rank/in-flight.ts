// Starts work ahead of its consumer, bounded, and gives results in order.

export interface InFlightOptions<Item, Result> {
  readonly start: (item: Item) => Promise<Result>;
  /** Share of the bound that an item takes. */
  readonly weight: (item: Item) => number;
  /** Items are started while the sum of weights is below this. */
  readonly maxWeight: number;
  /** Called when results under way will not be looked at, to make them settle soon. */
  readonly abandon: () => void;
}

/** One item and what came of it. */
export interface Done<Item, Result> {
  readonly item: Item;
  readonly result: Result;
}

/** However short the items are, no more than this many promises wait. */
const MAX_ITEMS = 256;

/**
 * Results in the order of the items. The first failure ends it, after everything under way has settled:
 * nothing runs on when the caller gets the error or stops early.
 */
export async function* inFlight<Item, Result>(
  items: AsyncIterable<Item>,
  { start, weight, maxWeight, abandon }: InFlightOptions<Item, Result>,
): AsyncGenerator<Done<Item, Result>> {
  const iterator = items[Symbol.asyncIterator]();
  const queue: { readonly item: Item; readonly promise: Promise<Result> }[] = [];
  let sum = 0;
  let ended = false;
  try {
    while (true) {
      while (!ended && sum < maxWeight && queue.length < MAX_ITEMS) {
        const next = await iterator.next();
        if (next.done === true) ended = true;
        else {
          const promise = start(next.value);
          promise.catch(() => {}); // met by the await below, perhaps after a later tick
          queue.push({ item: next.value, promise });
          sum += weight(next.value);
        }
      }
      const oldest = queue.shift();
      if (oldest === undefined) return;
      const result = await oldest.promise;
      sum -= weight(oldest.item);
      yield { item: oldest.item, result };
    }
  } finally {
    if (queue.length > 0) abandon();
    await Promise.allSettled(queue.map(({ promise }) => promise));
    await iterator.return?.();
  }
}
