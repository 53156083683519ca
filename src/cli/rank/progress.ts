// How far a run is, for a person: a bar on a terminal, a line every ten seconds elsewhere.

import type { Logger } from '../../logger.ts';
import { formatSeconds, renderProgress } from '../../progress-bar.ts';

/** A log that is followed wants a sign of life, not a flood. */
const LINE_INTERVAL_MS = 10_000;

export interface ProgressOptions {
  /** Bytes of all inputs as stored, times the queries; null when one of them is unknown. */
  readonly totalBytes: number | null;
  readonly logger: Logger;
  readonly stream: NodeJS.WriteStream;
  readonly quiet: boolean;
  /** Whether results go to the same terminal. */
  readonly sharesTerminal: boolean;
}

/**
 * Counts pairs. How many there will be is estimated from the share of bytes read: reading runs ahead of scoring by some
 * windows only, and at the end the estimate is exact.
 */
export class RankProgress {
  readonly #options: ProgressOptions;
  readonly #bar;
  readonly #startedMs = performance.now();
  #lineAtMs = performance.now();
  #readBytes = 0;
  #readPairs = 0;
  #done = 0;
  /** Pairs a run before this one had scored; they cost no time now. */
  #skipped = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
    const shown = !options.quiet && options.stream.isTTY === true;
    this.#bar = shown ? renderProgress('Pairs', null, options.stream) : null;
  }

  readonly onBytes = (bytes: number): void => {
    this.#readBytes += bytes;
  };

  /** A window was read; `skipped` when it needs no scoring. */
  onWindow(pairs: number, skipped: boolean): void {
    this.#readPairs += pairs;
    if (skipped) this.#skipped += pairs;
  }

  onScored(pairs: number): void {
    this.#done += pairs;
    const total = this.#total();
    this.#bar?.update(this.#done, total);
    const now = performance.now();
    if (this.#bar !== null || this.#options.quiet || now - this.#lineAtMs < LINE_INTERVAL_MS) return;
    this.#lineAtMs = now;
    this.#options.logger.info(describeProgress(this.#done, total, now - this.#startedMs));
  }

  /** Called before results are written: on a shared terminal they would go on in the bar's line. */
  makeRoom(): void {
    if (this.#options.sharesTerminal) this.#bar?.erase();
  }

  end(): void {
    if (this.#bar === null || this.#done === 0) return;
    if (this.#options.sharesTerminal) {
      this.#bar.erase();
      return;
    }
    this.#bar.update(this.#done, Math.max(this.#done, this.#total() ?? 0));
    this.#bar.end();
  }

  /** Pairs this run scores; null while unknown. */
  #total(): number | null {
    const { totalBytes } = this.#options;
    if (totalBytes === null || totalBytes === 0 || this.#readBytes === 0) return null;
    const share = Math.min(1, this.#readBytes / totalBytes);
    return Math.max(this.#done, Math.round(this.#readPairs / share) - this.#skipped);
  }
}

/** Pure: `120000 pairs scored, 4000/s, about 20.0 s left`. */
export function describeProgress(done: number, total: number | null, elapsedMs: number): string {
  const rate = elapsedMs > 0 ? (done / elapsedMs) * 1000 : 0;
  const left = total !== null && rate > 0 ? `, about ${formatSeconds((total - done) / rate)} left` : '';
  return `${done} pairs scored, ${rate.toFixed(rate < 10 ? 1 : 0)}/s${left}`;
}
