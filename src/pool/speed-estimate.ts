// How fast a worker is, in cost units (or characters) a second, from the batches it did. Pure data, no clocks.

/** Evidence this old, in time spent working, counts half: about the last ten batches of 50 ms decide. */
const HALF_LIFE_MS = 150;

/** What the warm-up counts for: less than one batch, because it ran while the other workers were loading. */
const WARM_UP_MS = 10;

/**
 * Time of telling work after which the best speed seen is taken for the machine's: before, a warm-up on a starved
 * machine would count.
 */
const PROVEN_MS = 1000;

/**
 * Until then the machine may be this many times as fast as its warm-up, which runs beside whatever else starts with the
 * server.
 */
const HOPE = 2;

/** A batch of less time is half overhead, and says how slow small calls are, not how slow the machine is. */
export const TELLING_MS = 20;

/**
 * The best speed fades towards the present one in this time of work: a machine that has become slower for good is seen
 * to be.
 */
const PEAK_HALF_LIFE_MS = 60_000;

/**
 * One batch says no more than this many times slower, however long the machine stood still meanwhile; and a speed
 * further below the best one is taken for a disturbance, by which nobody is told to wait.
 */
const MAX_SLOWDOWN = 8;

/** Bounds of an estimate. */
export interface SpeedBounds {
  /** No estimate is below, whatever was done. */
  readonly least: number;
  readonly most: number;
  /** What may always be hoped for at best, whatever was seen. */
  readonly hoped: number;
}

const UNBOUNDED: SpeedBounds = { least: 1, most: Number.MAX_SAFE_INTEGER, hoped: 0 };

/**
 * Work over the time it took, old work fading. Batches count by their time: a thousand tiny calls, which are mostly overhead, say little of
 * how long a large one will take.
 */
export class SpeedEstimate {
  readonly #bounds: SpeedBounds;
  #cost: number;
  #ms = WARM_UP_MS;
  #peak: number;
  #workedMs = 0;

  /** @param perSecond as the warm-up measured it */
  constructor(perSecond: number, bounds: Partial<SpeedBounds> = {}) {
    this.#bounds = { ...UNBOUNDED, ...bounds };
    this.#peak = this.#bounded(perSecond);
    this.#cost = (this.#peak * WARM_UP_MS) / 1000;
  }

  get perSecond(): number {
    return Math.max(this.#bounded((1000 * this.#cost) / this.#ms), this.#peak / MAX_SLOWDOWN);
  }

  /** The best of the last minutes of work; until enough was done to tell, what the machine may turn out to do. */
  get peakPerSecond(): number {
    return Math.max(this.#workedMs < PROVEN_MS ? HOPE * this.#peak : this.#peak, this.#bounds.hoped);
  }

  /** @param elapsedMs in the worker */
  learn(cost: number, elapsedMs: number): void {
    if (!(cost > 0 && elapsedMs > 0)) return;
    const ms = Math.min(elapsedMs, (MAX_SLOWDOWN * 1000 * cost) / this.perSecond);
    if (ms < TELLING_MS && 1000 * cost <= ms * this.perSecond) return; // slow because it is small
    const kept = 2 ** (-ms / HALF_LIFE_MS);
    this.#cost = this.#cost * kept + cost;
    this.#ms = this.#ms * kept + ms;
    const present = this.perSecond;
    this.#peak = Math.max(present, this.#peak);
    if (ms < TELLING_MS) return;
    this.#workedMs += ms;
    this.#peak = present + (this.#peak - present) * 2 ** (-ms / PEAK_HALF_LIFE_MS);
  }

  #bounded(perSecond: number): number {
    const { least, most } = this.#bounds;
    return perSecond > least ? Math.min(perSecond, most) : least;
  }
}
