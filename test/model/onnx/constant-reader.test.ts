import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConstantReader } from '../../../src/model/onnx/constant-reader.ts';
import { type ConstantTensor, matrixShape, wholeRows } from '../../../src/model/onnx/constant-tensor.ts';
import { GraphView } from '../../../src/model/onnx/graph-view.ts';
import type { NodeProto, TensorProto } from '../../../src/model/onnx/onnx_pb.ts';
import { attributes, floats, int64s, node, onnxModel, rawTensor } from '../../helpers/onnx-graph.ts';

const FLOAT16 = 10;
const TO_FLOAT = attributes.int('to', 1);
const MATRIX = floats('w', [2, 3], [1, 2, 3, 4, 5, 6]);

function read(nodes: readonly NodeProto[], initializers: readonly TensorProto[], name = 'y'): ConstantTensor | string {
  const model = onnxModel({ input: 'x', nodes, initializers });
  return new ConstantReader(new GraphView(model), model.sources).read(name);
}

/** Rows as the graph sees them. */
function rowsOf(tensor: ConstantTensor | string): number[][] {
  assert.ok(typeof tensor !== 'string', tensor as string);
  const { rows, columns } = matrixShape(tensor)!;
  const values = [...tensor.pieces()].flatMap((piece) => [...piece]);
  const at = (row: number, column: number) => values[tensor.transposed ? column * rows + row : row * columns + column]!;
  return Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => at(row, column)));
}

test('initializer, Constant node, Identity', () => {
  const expected = [
    [1, 2, 3],
    [4, 5, 6],
  ];
  assert.deepEqual(rowsOf(read([], [MATRIX], 'w')), expected);
  assert.deepEqual(rowsOf(read([node('Constant', [], ['y'], [attributes.tensor('value', MATRIX)])], [])), expected);
  assert.deepEqual(rowsOf(read([node('Identity', ['w'], ['a']), node('Identity', ['a'], ['y'])], [MATRIX])), expected);
});

test('Transpose is read turned around', () => {
  const perm = (values: number[]) => [attributes.ints('perm', values)];
  assert.deepEqual(rowsOf(read([node('Transpose', ['w'], ['y'])], [MATRIX])), [
    [1, 4],
    [2, 5],
    [3, 6],
  ]);
  assert.deepEqual(rowsOf(read([node('Transpose', ['w'], ['y'], perm([0, 1]))], [MATRIX])), [
    [1, 2, 3],
    [4, 5, 6],
  ]);
  const twice = [node('Transpose', ['w'], ['a'], perm([1, 0])), node('Transpose', ['a'], ['y'], perm([1, 0]))];
  assert.deepEqual(rowsOf(read(twice, [MATRIX])), [
    [1, 2, 3],
    [4, 5, 6],
  ]);
});

test('Reshape with known, copied and computed dimensions', () => {
  for (const shape of [
    [3, 2],
    [3, -1],
    [-1, 2],
  ]) {
    assert.deepEqual(rowsOf(read([node('Reshape', ['w', 's'], ['y'])], [MATRIX, int64s('s', shape)])), [
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
  }
  assert.deepEqual(rowsOf(read([node('Reshape', ['w', 's'], ['y'])], [MATRIX, int64s('s', [0, 3])])), [
    [1, 2, 3],
    [4, 5, 6],
  ]);
  const turned = [node('Transpose', ['w'], ['a']), node('Reshape', ['a', 's'], ['y'])];
  assert.equal(read(turned, [MATRIX, int64s('s', [2, 3])]), 'Reshape');
});

test('int8 with scales: Cast and Mul by a number, a row, a column, also turned', () => {
  const stored = rawTensor('q', 3, [2, 3], Int8Array.of(1, -2, 3, -128, 5, 127));
  const cast = node('Cast', ['q'], ['f'], [TO_FLOAT]);
  const times = (factor: TensorProto, before: NodeProto[] = [cast], value = 'f') =>
    rowsOf(read([...before, node('Mul', [value, factor.name], ['y'])], [stored, factor]));
  assert.deepEqual(times(floats('s', [], [2])), [
    [2, -4, 6],
    [-256, 10, 254],
  ]);
  assert.deepEqual(times(floats('s', [1, 1], [2])), [
    [2, -4, 6],
    [-256, 10, 254],
  ]);
  assert.deepEqual(times(floats('s', [3], [1, 2, 3])), [
    [1, -4, 9],
    [-128, 10, 381],
  ]);
  assert.deepEqual(times(floats('s', [1, 3], [1, 2, 3])), [
    [1, -4, 9],
    [-128, 10, 381],
  ]);
  assert.deepEqual(times(floats('s', [2, 1], [1, 2])), [
    [1, -2, 3],
    [-256, 10, 254],
  ]);
  const turned = [cast, node('Transpose', ['f'], ['t'])];
  assert.deepEqual(times(floats('s', [2], [1, 2]), turned, 't'), [
    [1, -256],
    [-2, 10],
    [3, 254],
  ]);
  assert.deepEqual(times(floats('s', [3, 1], [1, 2, 3]), turned, 't'), [
    [1, -128],
    [-4, 10],
    [9, 381],
  ]);
  const swapped = [cast, node('Mul', ['s', 'f'], ['y'])];
  assert.deepEqual(rowsOf(read(swapped, [stored, floats('s', [], [2])])), [
    [2, -4, 6],
    [-256, 10, 254],
  ]);
});

test('16-bit floats, also the smallest, and those that are no number', () => {
  const halves = rawTensor('h', FLOAT16, [1, 6], Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x7e00));
  const [row] = rowsOf(read([node('Cast', ['h'], ['y'], [TO_FLOAT])], [halves]));
  assert.deepEqual(row, [1, -2, 2 ** -24, 65504, Number.POSITIVE_INFINITY, Number.NaN]);
  const brain = rawTensor('b', 16, [1, 2], Uint16Array.of(0x3f80, 0xc040));
  assert.deepEqual(rowsOf(read([node('Cast', ['b'], ['y'], [TO_FLOAT])], [brain])), [[1, -3]]);
});

test('the same values have the same key, others another', () => {
  const key = (nodes: NodeProto[], name?: string) => (read(nodes, [MATRIX, floats('s', [], [2])], name) as ConstantTensor).key;
  assert.equal(key([node('Identity', ['w'], ['y'])]), key([], 'w'));
  assert.notEqual(key([node('Transpose', ['w'], ['y'])]), key([], 'w'));
  assert.notEqual(key([node('Mul', ['w', 's'], ['y'])]), key([], 'w'));
});

test('what is not followed is named', () => {
  assert.equal(read([node('Exp', ['w'], ['y'])], [MATRIX]), 'Exp');
  assert.equal(read([node('Mul', ['w', 'w'], ['y'])], [MATRIX]), 'Mul');
  assert.equal(read([node('Cast', ['w'], ['y'], [attributes.int('to', 7)])], [MATRIX]), 'Cast');
  assert.equal(read([], [int64s('w', [1])], 'w'), 'data type 7');
});

test('pieces are cut between rows', () => {
  const pieces = [Float32Array.of(1, 2), Float32Array.of(3), Float32Array.of(4, 5, 6, 7, 8, 9)];
  const rows = [...wholeRows(pieces, 3)].map((piece) => [...piece]);
  assert.deepEqual(rows, [
    [1, 2, 3],
    [4, 5, 6, 7, 8, 9],
  ]);
});
