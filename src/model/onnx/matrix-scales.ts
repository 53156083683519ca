// Scales of a quantised matrix: from the largest absolute value of each row or column.

import { type ConstantTensor, wholeRows } from './constant-tensor.ts';
import type { TensorSource } from './tensor-source.ts';

/** Smaller scales are denormal or zero: such a row or column is as good as zero, and a runtime may flush it. */
const SMALLEST_SCALE = 2 ** -126;

/** Scales that are computed once, when they or the values are written. */
export class LazyScales implements TensorSource {
  readonly byteLength: number;
  readonly #compute: (target: Float32Array) => void;
  #values: Float32Array | null = null;

  constructor(length: number, compute: (target: Float32Array) => void) {
    this.byteLength = 4 * length;
    this.#compute = compute;
  }

  values(): Float32Array {
    if (this.#values !== null) return this.#values;
    const values = new Float32Array(this.byteLength / 4);
    this.#compute(values);
    this.#values = values;
    return values;
  }

  /** For a reader that computes the scales on its way. */
  store(values: Float32Array): void {
    this.#values = values;
  }

  *chunks(): Generator<Uint8Array, void> {
    const { buffer } = this.values();
    yield new Uint8Array(buffer);
  }
}

/** Float32, as the runtime multiplies with it. NaN where the largest value is not finite. */
export function scaleOf(largest: number, levels: number): number {
  if (!Number.isFinite(largest)) return Number.NaN;
  const scale = Math.fround(largest / levels);
  return scale < SMALLEST_SCALE ? 1 : scale;
}

/** Largest absolute value of each stored column; NaN for a column that is not finite. */
export function largestOfColumns(matrix: ConstantTensor, width: number, largest: Float32Array): void {
  for (const values of wholeRows(matrix.pieces(), width)) {
    for (let start = 0; start < values.length; start += width) {
      for (let column = 0; column < width; column += 1) {
        const value = Math.abs(values[start + column]!);
        // Written so that a NaN is taken, and kept by every later comparison.
        if (!(value <= largest[column]!) && !Number.isNaN(largest[column]!)) largest[column] = value;
      }
    }
  }
}

/** Largest absolute value of each stored row; NaN for a row that is not finite. */
export function largestOfRows(matrix: ConstantTensor, width: number, largest: Float32Array): void {
  let row = 0;
  for (const values of wholeRows(matrix.pieces(), width)) {
    for (let start = 0; start < values.length; start += width, row += 1) largest[row] = largestOf(values, start, start + width);
  }
}

/** Largest absolute value of `values[start, end)`; NaN when one of them is not finite. */
export function largestOf(values: Float32Array, start: number, end: number): number {
  let largest = 0;
  let poison = 0; // 0 * finite is 0; anything else is NaN and stays
  for (let i = start; i < end; i += 1) {
    const value = Math.abs(values[i]!);
    if (value > largest) largest = value;
    poison += 0 * value;
  }
  return largest + poison;
}
