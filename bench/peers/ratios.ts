// Pure: how many times as fast ours was.

import { median } from '../statistics.ts';

/** The median over rounds of a/b, each ratio taken within one round, so that what slowed a whole round cancels out. */
export function medianRatio(a: readonly number[], b: readonly number[]): number {
  return median(a.map((value, round) => value / b[round]!));
}
