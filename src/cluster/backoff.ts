// How long to wait before a process that ended gets a successor. Pure but for its count.

const FIRST_MS = 1000;
const MAX_MS = 30_000;

/** A process that served this long did not fail by starting. */
const HEALTHY_MS = 60_000;

/** Nothing after a healthy minute, else 1, 2, 4 ... 30 s. */
export class Backoff {
  #failures = 0;

  /** @param servedMs how long the process was ready; 0 when it never was */
  next(servedMs: number): number {
    if (servedMs >= HEALTHY_MS) {
      this.#failures = 0;
      return 0;
    }
    this.#failures += 1;
    return Math.min(FIRST_MS * 2 ** (this.#failures - 1), MAX_MS);
  }
}
