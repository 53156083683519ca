// Pure: groups encoded pairs into runs with no or almost no padding, and lays a run out as the model's input arrays.

import type { SessionFacts } from '../src/protocol.ts';
import type { EncodedPair } from './pair-encoder.ts';

/** Bounds of one run. A pair longer than maxTokens runs alone. */
export interface RunLimits {
  /** Token slots of a run, padding included. */
  readonly maxTokens: number;
  /** Largest share of padded slots, 0..1. */
  readonly maxPadding: number;
}

/** A CPU is at its peak at about 64-256 tokens a run; more gains nothing, and 5 % of padding costs less than a further run. */
export const RUN_LIMITS: RunLimits = { maxTokens: 256, maxPadding: 0.05 };

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
export function planRuns(lengths: Uint32Array, limits: RunLimits = RUN_LIMITS): Uint32Array[] {
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
  while (end < order.length) {
    const slots = (end - start + 1) * longest;
    used += lengths[order[end]!]!;
    if (slots > limits.maxTokens || slots - used > slots * limits.maxPadding) break;
    end += 1;
  }
  return end;
}

/**
 * Builds the inputs the model declares, and no others.
 *
 * @param run     indices into encoded, at least one
 * @param inputs  names and types from the session
 * @param padId   fills padded slots of input_ids; their mask is 0
 * @param padSide side on which shorter rows are filled
 */
export function buildFeeds(
  encoded: readonly EncodedPair[],
  run: Uint32Array,
  inputs: SessionFacts['inputs'],
  padId: number,
  padSide: 'left' | 'right',
): RunFeeds {
  const rows = Array.from(run, (index) => encoded[index]!);
  const length = rows.reduce((longest, row) => Math.max(longest, row.ids.length), 0);
  const feeds = inputs.map(({ name, type }) => {
    const { data, words, stride } = allocate(type, rows.length * length);
    rows.forEach((row, index) => {
      const offset = padSide === 'left' ? length - row.ids.length : 0;
      fillRow(name, row, words, stride, index * length, offset, length, padId);
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

function fillRow(
  name: string,
  row: EncodedPair,
  words: Int32Array,
  stride: number,
  start: number,
  offset: number,
  length: number,
  padId: number,
): void {
  const { ids, typeIds } = row;
  const at = (position: number): number => (start + position) * stride;
  if (name === 'input_ids' && padId !== 0 && ids.length < length) {
    for (let i = 0; i < length; i += 1) words[at(i)] = padId;
  }
  const end = offset + ids.length;
  switch (name) {
    case 'input_ids':
      for (let i = offset; i < end; i += 1) words[at(i)] = ids[i - offset]!;
      break;
    case 'attention_mask':
      for (let i = offset; i < end; i += 1) words[at(i)] = 1;
      break;
    case 'token_type_ids':
      if (typeIds !== null) for (let i = offset; i < end; i += 1) words[at(i)] = typeIds[i - offset]!;
      break;
    case 'position_ids':
      for (let i = offset; i < end; i += 1) words[at(i)] = i - offset;
      break;
    default:
      throw new Error(`no values for the model input '${name}'. This is a bug.`);
  }
}

/** Inputs {@link buildFeeds} can build; a model that asks for another is refused when it is opened. */
export const KNOWN_INPUTS: readonly string[] = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'];
