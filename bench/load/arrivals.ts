// Pure: when requests arrive, whatever the server does.

import { uniform } from '../random.ts';

/** `poisson`: as from many callers who know nothing of each other. `constant`: one every 1 / rate seconds. */
export type ArrivalProcess = 'poisson' | 'constant';

export interface ArrivalOptions {
  readonly process: ArrivalProcess;
  readonly ratePerSecond: number;
  readonly seconds: number;
  readonly seed: number;
  /** No more arrivals than this, whatever the rate. */
  readonly most: number;
}

/** Milliseconds from the start, ascending, each below `seconds`. */
export function arrivalTimes({ process, ratePerSecond, seconds, seed, most }: ArrivalOptions): Float64Array {
  const gapMs = 1000 / ratePerSecond;
  const next = uniform(seed);
  const times: number[] = [];
  let at = 0;
  while (times.length < most) {
    at += process === 'constant' ? gapMs : -gapMs * Math.log(1 - next());
    if (at >= seconds * 1000) break;
    times.push(at);
  }
  return Float64Array.from(times);
}
