import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RerankError } from '../../../src/errors.ts';
import type { ConstantTensor } from '../../../src/model/onnx/constant-tensor.ts';
import {
  FULL_RANGE,
  type QuantizedMatrix,
  quantizeColumns,
  quantizeRows,
  REDUCED_RANGE,
} from '../../../src/model/onnx/quantize-matrix.ts';
import type { TensorSource } from '../../../src/model/onnx/tensor-source.ts';
import { noise } from '../../helpers/onnx-graph.ts';

const ROWS = 37;
const COLUMNS = 21;

/** A stored matrix in pieces that are not whole rows. */
function matrix(values: Float32Array, dims: readonly [number, number], transposed = false): ConstantTensor {
  const pieces = function* (): Generator<Float32Array> {
    for (let start = 0; start < values.length; start += 50) yield values.subarray(start, start + 50);
  };
  return { key: 'w', dims, transposed, dataType: 1, pieces };
}

function bytes(source: TensorSource): Uint8Array {
  const all = Buffer.concat([...source.chunks()].map((piece) => Uint8Array.from(piece)));
  assert.equal(all.length, source.byteLength);
  return Uint8Array.from(all);
}

function read({ values, scales }: QuantizedMatrix): { values: Int8Array; scales: Float32Array } {
  return { values: new Int8Array(bytes(values).buffer), scales: new Float32Array(bytes(scales).buffer) };
}

/** The definition, a value at a time. `group` tells which scale a value belongs to. */
function byDefinition(values: Float32Array, groups: number, levels: number, group: (index: number) => number) {
  const largest = new Float64Array(groups);
  values.forEach((value, index) => {
    largest[group(index)] = Math.max(largest[group(index)]!, Math.abs(value));
  });
  const scales = Float32Array.from(largest, (value) => (value === 0 ? 1 : value / levels));
  return { values: Int8Array.from(values, (value, index) => Math.round(value / scales[group(index)]!)), scales };
}

const WEIGHTS = Float32Array.from(noise(ROWS * COLUMNS), (value, index) => value * 10 ** (index % 3)).fill(0, 0, 3);

describe('by columns', () => {
  for (const levels of [FULL_RANGE, REDUCED_RANGE]) {
    test(`to ${levels}, as the definition says`, () => {
      const expected = byDefinition(WEIGHTS, COLUMNS, levels, (index) => index % COLUMNS);
      assert.deepEqual(read(quantizeColumns(matrix(WEIGHTS, [ROWS, COLUMNS]), levels)), expected);
      assert.equal(Math.max(...expected.values.map(Math.abs)), levels);
    });

    test(`to ${levels}, stored by columns`, () => {
      const turned = Float32Array.from(WEIGHTS, (_, i) => WEIGHTS[(i % ROWS) * COLUMNS + Math.floor(i / ROWS)]!);
      assert.deepEqual(
        read(quantizeColumns(matrix(turned, [COLUMNS, ROWS], true), levels)),
        read(quantizeColumns(matrix(WEIGHTS, [ROWS, COLUMNS]), levels)),
      );
    });
  }

  test('a column of zeros or of denormals is zero, with a scale that can be multiplied', () => {
    const values = Float32Array.of(0, 1e-42, 1e-37, 1, 0, -1e-42, 0, -1);
    const { values: rounded, scales } = read(quantizeColumns(matrix(values, [2, 4]), FULL_RANGE));
    assert.deepEqual([...rounded], [0, 0, 0, 127, 0, 0, 0, -127]);
    assert.deepEqual([...scales], [1, 1, 1, Math.fround(1 / 127)]);
  });

  test('weights that are not finite are refused, stored either way', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const transposed of [false, true]) {
        for (let place = 0; place < 6; place += 1) {
          const values = Float32Array.of(1, 2, 3, 4, 5, 6);
          values[place] = bad;
          const quantized = quantizeColumns(matrix(values, [2, 3], transposed), FULL_RANGE);
          assert.throws(
            () => bytes(quantized.values),
            (error: unknown) => error instanceof RerankError && error.code === 'model_files',
          );
        }
      }
    }
  });
});

describe('by rows', () => {
  test('as the definition says, whichever is read first', () => {
    const expected = byDefinition(WEIGHTS, ROWS, FULL_RANGE, (index) => Math.floor(index / COLUMNS));
    const table = matrix(WEIGHTS, [ROWS, COLUMNS]);
    assert.deepEqual(read(quantizeRows(table)), expected);
    const scalesFirst = quantizeRows(table);
    const scales = new Float32Array(bytes(scalesFirst.scales).buffer);
    assert.deepEqual(scales, expected.scales);
    assert.deepEqual(read(scalesFirst), expected);
  });

  test('the table is read once', () => {
    let reads = 0;
    const table = matrix(WEIGHTS, [ROWS, COLUMNS]);
    const counted = {
      ...table,
      pieces: () => {
        reads += 1;
        return table.pieces();
      },
    };
    read(quantizeRows(counted));
    assert.equal(reads, 1);
  });

  test('a row that is not finite stays so, and only that row', () => {
    const values = Float32Array.of(1, 2, Number.NaN, 4, Number.POSITIVE_INFINITY, 6, 7, 8);
    const { values: rounded, scales } = read(quantizeRows(matrix(values, [4, 2])));
    assert.deepEqual([...scales].map(Number.isNaN), [false, true, true, false]);
    assert.deepEqual([...rounded.subarray(6)], [111, 127]);
  });
});
