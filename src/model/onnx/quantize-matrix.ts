// Symmetric int8 weights with one scale a row or a column, computed while they are written.

import { RerankError } from '../../errors.ts';
import { type ConstantTensor, matrixShape, wholeRows } from './constant-tensor.ts';
import { LazyScales, largestOf, largestOfColumns, largestOfRows, scaleOf } from './matrix-scales.ts';
import type { TensorSource } from './tensor-source.ts';

/** Largest integer of the weights: all of int8's range, or 7 bits where pairs of products are added up in 16 bits. */
export const FULL_RANGE = 127;
export const REDUCED_RANGE = 63;

/** int8 values in the matrix's own shape as the graph sees it, and a float32 scale for each row or column of it. */
export interface QuantizedMatrix {
  readonly values: TensorSource;
  readonly scales: TensorSource;
}

/**
 * Weights of a matrix product, one scale a column.
 *
 * @param levels largest integer
 * @throws RerankError `model_files`, while it is read, when a weight is not finite
 */
export function quantizeColumns(matrix: ConstantTensor, levels: number): QuantizedMatrix {
  const { rows, columns } = matrixShape(matrix)!;
  const width = matrix.dims[1]!;
  const scales = new LazyScales(columns, (target) => {
    const largest = matrix.transposed ? largestOfRows : largestOfColumns;
    largest(matrix, width, target);
    for (let i = 0; i < columns; i += 1) target[i] = scaleOf(target[i]!, levels);
    if (target.includes(Number.NaN)) throw new RerankError('model_files', `the weights '${matrix.key}' are not all finite`);
  });
  const quantize = matrix.transposed ? quantizeTurned : quantizeByColumns;
  const chunks = (): Iterable<Uint8Array> => quantize(matrix, width, scales.values());
  return { values: { byteLength: rows * columns, chunks }, scales };
}

/**
 * A table that is read row by row, one scale a row; the table is read once when `values` are asked for first.
 *
 * A row that is not finite keeps that: its scale is NaN. Tables carry rows no text ever uses.
 */
export function quantizeRows(table: ConstantTensor): QuantizedMatrix {
  const { rows, columns } = matrixShape(table)!;
  const scales = new LazyScales(rows, (target) => {
    largestOfRows(table, columns, target);
    for (let i = 0; i < rows; i += 1) target[i] = scaleOf(target[i]!, FULL_RANGE);
  });
  const chunks = (): Iterable<Uint8Array> => quantizeByRows(table, columns, scales);
  return { values: { byteLength: rows * columns, chunks }, scales };
}

/** Math.round costs 12 ns a value where this costs 1.5, and a model has half a billion of them. */
function nearest(value: number): number {
  return Math.floor(value + 0.5);
}

function* quantizeByColumns(matrix: ConstantTensor, width: number, scales: Float32Array): Generator<Uint8Array, void> {
  for (const values of wholeRows(matrix.pieces(), width)) {
    const rounded = new Int8Array(values.length);
    for (let start = 0; start < values.length; start += width) {
      for (let column = 0; column < width; column += 1)
        rounded[start + column] = nearest(values[start + column]! / scales[column]!);
    }
    yield new Uint8Array(rounded.buffer);
  }
}

function* quantizeByRows(table: ConstantTensor, width: number, scales: LazyScales): Generator<Uint8Array, void> {
  const all = new Float32Array(scales.byteLength / 4);
  let row = 0;
  for (const values of wholeRows(table.pieces(), width)) {
    const rounded = new Int8Array(values.length);
    for (let start = 0; start < values.length; start += width, row += 1) {
      const scale = scaleOf(largestOf(values, start, start + width), FULL_RANGE);
      all[row] = scale;
      for (let i = start; i < start + width; i += 1) rounded[i] = nearest(values[i]! / scale);
    }
    yield new Uint8Array(rounded.buffer);
  }
  scales.store(all);
}

/** Stored `[columns, rows]`: the int8 matrix is turned as a whole, a quarter of the floats. */
function* quantizeTurned(matrix: ConstantTensor, rows: number, scales: Float32Array): Generator<Uint8Array, void> {
  const columns = scales.length;
  const rounded = new Int8Array(rows * columns);
  let column = 0;
  for (const values of wholeRows(matrix.pieces(), rows)) {
    for (let start = 0; start < values.length; start += rows, column += 1) {
      const scale = scales[column]!;
      for (let row = 0; row < rows; row += 1) rounded[row * columns + column] = nearest(values[start + row]! / scale);
    }
  }
  yield new Uint8Array(rounded.buffer);
}
