// How fast a worker is, in cost units per second, from the batches that were scored. Pure data, no clocks.

/** Evidence this old, in time spent scoring, counts half: about the last ten batches of 50 ms decide. */
const HALF_LIFE_MS = 150;

/** What the warm-up counts for: less than one batch, because it ran while the other workers were loading. */
const WARM_UP_MS = 10;

/** Time of real work after which the best speed seen is taken for the machine's: before, a warm-up on a starved machine would count. */
const PROVEN_MS = 1000;

/**
 * Work over the time it took, old work fading. Batches count by their time: a thousand tiny calls, which are mostly overhead, say little of
 * how long a large one will take.
 */
export class SpeedEstimate {
  #cost: number;
  #ms = WARM_UP_MS;
  #peak: number;
  #workedMs = 0;

  /** @param costPerSecond as the warm-up measured it */
  constructor(costPerSecond: number) {
    this.#cost = (costPerSecond * WARM_UP_MS) / 1000;
    this.#peak = costPerSecond;
  }

  get costPerSecond(): number {
    return (1000 * this.#cost) / this.#ms;
  }

  /** The best it has been; Infinity until enough work was done to tell. */
  get peakCostPerSecond(): number {
    return this.#workedMs < PROVEN_MS ? Number.POSITIVE_INFINITY : this.#peak;
  }

  /** @param elapsedMs in the worker, tokenisation and inference */
  learn(cost: number, elapsedMs: number): void {
    if (cost <= 0 || elapsedMs <= 0) return;
    const kept = 2 ** (-elapsedMs / HALF_LIFE_MS);
    this.#cost = this.#cost * kept + cost;
    this.#ms = this.#ms * kept + elapsedMs;
    this.#workedMs += elapsedMs;
    this.#peak = Math.max(this.#peak, this.costPerSecond);
  }
}
