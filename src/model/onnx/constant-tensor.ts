// A constant of the graph as float32 values that are computed piece by piece, and the arithmetic that stays lazy.

import { DATA_TYPE } from './data-types.ts';

/** A constant tensor whose values are computed when they are asked for, some MiB at a time. */
export interface ConstantTensor {
  /** Names the values: equal keys, equal values. Weights that several nodes share are quantised once. */
  readonly key: string;
  /** Shape as it is stored; the graph sees it turned around when `transposed`. */
  readonly dims: readonly number[];
  /** Only of tensors of two dimensions: a transposition is cheaper on quantised bytes than on floats. */
  readonly transposed: boolean;
  /** ONNX data type the graph sees. */
  readonly dataType: number;
  /** All values, row-major as stored. A piece is valid until the next one is asked for. */
  pieces(): Iterable<Float32Array>;
}

/** Rows and columns as the graph sees them; null when the tensor is not a matrix. */
export function matrixShape({ dims, transposed }: ConstantTensor): { rows: number; columns: number } | null {
  if (dims.length !== 2) return null;
  const [rows, columns] = transposed ? dims.toReversed() : dims;
  return { rows: rows!, columns: columns! };
}

/** Whether the graph computes with it in 16 bits; our nodes compute in float32 and cast. */
export function isHalf({ dataType }: ConstantTensor): boolean {
  return dataType === DATA_TYPE.float16;
}

/** The tensor turned around, by changing how it is read. */
export function turned(tensor: ConstantTensor): ConstantTensor {
  return { ...tensor, key: `${tensor.key}.T`, transposed: !tensor.transposed };
}

/** A constant's values cut between rows of `width`; what a piece has beyond goes in front of the next. */
export function* wholeRows(pieces: Iterable<Float32Array>, width: number): Generator<Float32Array, void> {
  let rest = new Float32Array(0);
  for (const piece of pieces) {
    const values = rest.length === 0 ? piece : joined(rest, piece);
    const whole = values.length - (values.length % width);
    if (whole > 0) yield values.subarray(0, whole);
    rest = values.slice(whole);
  }
}

/** The tensor times a number. */
export function times(tensor: ConstantTensor, factor: number): ConstantTensor {
  const pieces = (): Iterable<Float32Array> => scaled(tensor.pieces(), 1, Float32Array.of(factor), { row: 0, column: 0 });
  return factor === 1 ? tensor : { ...tensor, key: `${tensor.key}*${factor}`, pieces };
}

/** A matrix times a scalar, a row or a column: how weights are stored in fewer bits with scales. Null for other shapes. */
export function multiply(left: ConstantTensor, right: ConstantTensor): ConstantTensor | null {
  const [matrix, factor] = elementCount(left.dims) >= elementCount(right.dims) ? [left, right] : [right, left];
  const [height, width] = matrix.dims;
  if (matrix.dims.length !== 2 || factor.dims.length > 2 || factor.transposed) return null;
  const seen = [1, 1, ...factor.dims].slice(-2);
  const [down, across] = matrix.transposed ? seen.toReversed() : seen;
  if (!(down === 1 || (down === height && across === 1)) || !(across === 1 || across === width)) return null;
  const strides = { row: down === 1 ? 0 : 1, column: across === 1 ? 0 : 1 };
  const pieces = (): Iterable<Float32Array> => scaled(matrix.pieces(), width!, collect(factor), strides);
  return { ...matrix, key: `${matrix.key}*${factor.key}`, pieces };
}

/** Elements of a tensor of this shape. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

function* scaled(
  pieces: Iterable<Float32Array>,
  width: number,
  factors: Float32Array,
  strides: { readonly row: number; readonly column: number },
): Generator<Float32Array, void> {
  let row = 0;
  for (const piece of wholeRows(pieces, width)) {
    const products = new Float32Array(piece.length);
    for (let start = 0; start < piece.length; start += width, row += 1) {
      for (let column = 0; column < width; column += 1)
        products[start + column] = piece[start + column]! * factors[row * strides.row + column * strides.column]!;
    }
    yield products;
  }
}

/** All values of a small constant. */
function collect(tensor: ConstantTensor): Float32Array {
  let values = new Float32Array(0);
  for (const piece of tensor.pieces()) values = joined(values, piece);
  return values;
}

function joined(first: Float32Array, second: Float32Array): Float32Array<ArrayBuffer> {
  const both = new Float32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
