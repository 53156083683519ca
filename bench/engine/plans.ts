// Pure: ways to put pairs into runs, and what padding they cost.

import { planRuns, type RunLimits } from '../../workers/micro-batch.ts';

/** Pair indices of each run. */
export type Runs = readonly Uint32Array[];

export type Planner = (lengths: Uint32Array) => Runs;

/** Batches of `size` in request order, padded to the longest of the batch. */
export function inRequestOrder(size: number): Planner {
  return (lengths) => cut(Uint32Array.from(lengths.keys()), size);
}

/** sentence-transformers' plan: the longest pairs first, batches of `size`, padded. */
export function sortedByLength(size: number): Planner {
  return (lengths) =>
    cut(
      Uint32Array.from(lengths.keys()).sort((a, b) => lengths[b]! - lengths[a]! || a - b),
      size,
    );
}

/** The worker's own plan. */
export function withLimits(limits: RunLimits): Planner {
  return (lengths) => planRuns(lengths, limits);
}

/** Share of the token slots that hold padding, 0..1. */
export function paddingShare(lengths: Uint32Array, runs: Runs): number {
  let slots = 0;
  let tokens = 0;
  for (const run of runs) {
    let longest = 0;
    for (const pair of run) {
      longest = Math.max(longest, lengths[pair]!);
      tokens += lengths[pair]!;
    }
    slots += longest * run.length;
  }
  return slots === 0 ? 0 : 1 - tokens / slots;
}

function cut(order: Uint32Array, size: number): Uint32Array[] {
  const runs: Uint32Array[] = [];
  for (let start = 0; start < order.length; start += size) runs.push(order.subarray(start, start + size));
  return runs;
}
