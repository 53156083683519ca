// Pure: scored batches -> one array in the order of the request.

import type { ScoredBatch, TokenizedBatch } from '../protocol.ts';
import type { Plan } from './plan.ts';
import { ITEM_CHARACTERS, type Steps } from './turns.ts';
import type { CallTiming } from './types.ts';

export interface Gathered extends WorkTimes {
  /** `[pairs x numLabels]`, in request order. */
  readonly logits: Float32Array;
  readonly numLabels: number;
  /** Indices of shortened pairs, ascending. */
  readonly truncated: readonly number[];
  /** Chunks of each pair, in request order; null when none was split. */
  readonly chunks: readonly number[] | null;
  /** Tokens of all pairs asked for; a duplicate counts each time. */
  readonly totalTokens: number;
}

/** What the batches tell of a call's time. */
export type WorkTimes = Omit<CallTiming, 'totalMs'>;

/** Puts every batch's rows where the request asked for them; duplicates get the score of the pair that was run. */
export function* gather({ rows, distinctOf }: GatheredPlan, batches: readonly ScoredBatch[]): Steps<Gathered> {
  const numLabels = batches[0]?.numLabels ?? 1;
  const place = locate(rows);
  const logits = new Float32Array(distinctOf.length * numLabels);
  const chunks = new Array<number>(distinctOf.length);
  const truncated: number[] = [];
  let totalTokens = 0;
  let wasSplit = false;
  for (let index = 0; index < distinctOf.length; index += 1) {
    const pair = distinctOf[index]!;
    const batch = batches[place.batch[pair]!]!;
    const row = place.row[pair]!;
    for (let i = 0; i < numLabels; i += 1) logits[index * numLabels + i] = batch.logits[row * numLabels + i]!;
    totalTokens += batch.tokenCounts[row]!;
    if (batch.truncated[row] === 1) truncated.push(index);
    chunks[index] = batch.chunks?.[row] ?? 1;
    wasSplit ||= chunks[index]! > 1;
    if (index % 1024 === 1023) yield 1024 * ITEM_CHARACTERS;
  }
  return { logits, numLabels, truncated, chunks: wasSplit ? chunks : null, totalTokens, ...times(batches) };
}

/** What of a plan tells where scores belong. */
type GatheredPlan = Pick<Plan, 'rows' | 'distinctOf'>;

/** Distinct pair -> its batch and row. */
function locate(rows: readonly Uint32Array[]): { batch: Uint32Array; row: Uint32Array } {
  const count = rows.reduce((sum, row) => sum + row.length, 0);
  const batch = new Uint32Array(count);
  const row = new Uint32Array(count);
  rows.forEach((pairs, batchIndex) => {
    pairs.forEach((pair, rowIndex) => {
      batch[pair] = batchIndex;
      row[pair] = rowIndex;
    });
  });
  return { batch, row };
}

/** Queue time is that of the batch that waited least: until then nothing of the call had run. The others are sums. */
export function times(batches: readonly (ScoredBatch | TokenizedBatch)[]): WorkTimes {
  return {
    queueMs: batches.reduce((least, batch) => Math.min(least, batch.queueMs), batches[0]?.queueMs ?? 0),
    tokenizationMs: batches.reduce((sum, batch) => sum + batch.tokenizationMs, 0),
    inferenceMs: batches.reduce((sum, batch) => sum + ('inferenceMs' in batch ? batch.inferenceMs : 0), 0),
  };
}
