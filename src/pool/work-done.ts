// Pure: what a batch that was done says of a worker's speed, and what may be thought of it before.

import { pairCost } from '../pair-size.ts';
import type { BatchScores, ModelSpec, PairBatch, TextBatch } from '../protocol.ts';
import { SpeedEstimate } from './speed-estimate.ts';

/**
 * A price may be off by this much before what the model really ran counts instead: no kind of text changes the speed
 * for the others.
 */
const MAX_BIAS = 2;

/** Operations a second that any core does on the models we run; a warm-up that promises less ran on a starved one. */
const LEAST_OPERATIONS_PER_SECOND = 5e9;

/**
 * Characters a second: what tokenizers did in our measurements, and the bounds within which a text may change the
 * estimate.
 */
const READING_SPEED = 8e6;
const READING_BOUNDS = { least: 2e6, most: 4e7 };

export function newReadingSpeed(): SpeedEstimate {
  return new SpeedEstimate(READING_SPEED, READING_BOUNDS);
}

/**
 * Cost units of the model that a scored batch counts for: its price without the reading of texts, which holds whatever
 * steady error the price of ordinary texts has, and no more than twice or half of what was run.
 */
export function countedCost(batch: PairBatch | TextBatch, { tokenCounts, chunks }: BatchScores, hiddenSize: number): number {
  const priced = batch.cost - ('reading' in batch ? (batch.reading?.cost ?? 0) : 0);
  let ran = 0;
  for (let i = 0; i < tokenCounts.length; i += 1) {
    const rows = Math.max(1, chunks?.[i] ?? 1);
    ran += rows * pairCost(tokenCounts[i]! / rows, hiddenSize);
  }
  return Math.min(Math.max(priced, ran / MAX_BIAS), ran * MAX_BIAS);
}

/** Cost units (about tokens) a second to be hoped for from a model of this size; 0 when its size is not known. */
export function hopedPerSecond({ numLayers, hiddenSize, intermediateSize }: ModelSpec): number {
  const operations = numLayers * (8 * hiddenSize ** 2 + 4 * hiddenSize * intermediateSize);
  return operations > 0 && Number.isFinite(operations) ? LEAST_OPERATIONS_PER_SECOND / operations : 0;
}
