// Pure: groups encoded pairs into runs with no or almost no padding, and lays a run out as the model's input arrays.

import type { Dtype, SessionFacts } from '../src/protocol.ts';
import type { TokenRow } from './pair-encoder.ts';

/** Bounds of one run. A pair longer than maxTokens runs alone. */
export interface RunLimits {
  /** Token slots of a run, padding included. */
  readonly maxTokens: number;
  /** Largest share of padded slots, 0..1. */
  readonly maxPadding: number;
  readonly maxPairs: number;
}

/** Measured on three shapes (bench/results/sweep.json): from here on a run gains nothing, and 5 % of padding costs less than a further run. */
export const RUN_LIMITS: Readonly<Record<Dtype, RunLimits>> = {
  float32: { maxTokens: 512, maxPadding: 0.05, maxPairs: 512 },
  // Activations are quantised with one scale a run: a second pair would change the scores of the first.
  int8: { maxTokens: 256, maxPadding: 0, maxPairs: 1 },
};

/** One input of a run: `[pairs, length]`, row-major. int64 values sit in the low words of `data`. */
export interface Feed {
  readonly name: string;
  readonly type: 'int64' | 'int32';
  readonly data: BigInt64Array | Int32Array;
}

/** All inputs of one run. */
export interface RunFeeds {
  readonly pairs: number;
  /** Tokens of each row, padding included. */
  readonly length: number;
  readonly feeds: readonly Feed[];
}

/**
 * Splits pairs into runs, longest first so that the largest buffers are allocated once.
 *
 * @param lengths tokens of each pair
 * @returns runs of pair indices; each pair once, lengths falling within a run
 */
export function planRuns(lengths: Uint32Array, limits: RunLimits): Uint32Array[] {
  const order = Uint32Array.from(lengths.keys()).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const runs: Uint32Array[] = [];
  let start = 0;
  while (start < order.length) {
    const end = runEnd(order, lengths, start, limits);
    runs.push(order.subarray(start, end));
    start = end;
  }
  return runs;
}

/** First position after `start` that no longer fits the run whose longest pair is at `start`. */
function runEnd(order: Uint32Array, lengths: Uint32Array, start: number, limits: RunLimits): number {
  const longest = lengths[order[start]!]!;
  let used = longest;
  let end = start + 1;
  while (end < order.length && end - start < limits.maxPairs) {
    const slots = (end - start + 1) * longest;
    used += lengths[order[end]!]!;
    if (slots > limits.maxTokens || slots - used > slots * limits.maxPadding) break;
    end += 1;
  }
  return end;
}

/** Input name -> value of a token; what a model may ask for. A model with another input is refused when it is opened. */
const VALUES: Readonly<Record<string, (pair: TokenRow, position: number) => number>> = {
  input_ids: ({ ids }, position) => ids[position]!,
  attention_mask: () => 1,
  token_type_ids: ({ typeIds }, position) => typeIds[position]!,
  position_ids: (_pair, position) => position,
};

/** Inputs {@link buildFeeds} can build. */
export const KNOWN_INPUTS: readonly string[] = Object.keys(VALUES);

/** How shorter rows are filled: the id for input_ids (the other inputs get 0), and the side. */
export interface Padding {
  readonly id: number;
  readonly side: 'left' | 'right';
}

/**
 * Builds the inputs the model declares, and no others.
 *
 * @param rows    encoded pairs of the run, at least one
 * @param inputs  names and types from the session
 */
export function buildFeeds(rows: readonly TokenRow[], inputs: SessionFacts['inputs'], padding: Padding): RunFeeds {
  const length = rows.reduce((longest, row) => Math.max(longest, row.ids.length), 0);
  const feeds = inputs.map(({ name, type }) => {
    const tokenValue = VALUES[name]!;
    const { data, words, stride } = allocate(type, rows.length * length);
    if (name === 'input_ids' && padding.id !== 0)
      for (let slot = 0; slot < data.length; slot += 1) words[slot * stride] = padding.id;
    rows.forEach((row, index) => {
      const first = index * length + (padding.side === 'left' ? length - row.ids.length : 0);
      for (let i = 0; i < row.ids.length; i += 1) words[(first + i) * stride] = tokenValue(row, i);
    });
    return { name, type, data };
  });
  return { pairs: rows.length, length, feeds };
}

/** int64 is written through a 32-bit view: ids are below 2^31, and a BigInt a token would cost more than the tokenizer. */
function allocate(
  type: 'int64' | 'int32',
  slots: number,
): { data: BigInt64Array | Int32Array; words: Int32Array; stride: number } {
  if (type === 'int32') {
    const data = new Int32Array(slots);
    return { data, words: data, stride: 1 };
  }
  const data = new BigInt64Array(slots);
  return { data, words: new Int32Array(data.buffer), stride: 2 };
}
