import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { RerankError } from '../../../../src/errors.ts';
import { findCheckpoint, openCheckpoint, pickleRefusal } from '../../../../src/model/onnx/safetensors/checkpoint.ts';
import { pickRows } from '../../../../src/model/onnx/safetensors/picked-rows.ts';
import { TurnedSource } from '../../../../src/model/onnx/safetensors/turned-source.ts';
import type { TensorSource } from '../../../../src/model/onnx/tensor-source.ts';
import { noise, temporaryDirectory } from '../../../helpers/onnx-graph.ts';
import { float32Tensor, writeSafetensors } from '../../../helpers/safetensors.ts';

const INDEX = 'model.safetensors.index.json';

function valuesOf(source: TensorSource): number[] {
  const bytes = Buffer.concat([...source.chunks()].map((piece) => Uint8Array.from(piece)));
  assert.equal(bytes.length, source.byteLength);
  return Array.from(new Float32Array(Uint8Array.from(bytes).buffer));
}

function refuses(action: () => unknown, message: RegExp): void {
  assert.throws(action, (error) => error instanceof RerankError && error.code === 'model_files' && message.test(error.message));
}

describe('one file', () => {
  test('floats of every width are widened; rows are a part of them', (t) => {
    const path = join(temporaryDirectory(t), 'model.safetensors');
    // 1, -2, 0.5, 65504 in the bits of each type.
    const halves = new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x3800, 0x7bff).buffer);
    const brains = new Uint8Array(Uint16Array.of(0x3f80, 0xc000, 0x3f00, 0x477f).buffer);
    const doubles = new Uint8Array(Float64Array.of(1, -2, 0.5, 65504).buffer);
    writeSafetensors(path, {
      odd: { dtype: 'U8', shape: [1], bytes: Uint8Array.of(1) },
      half: { dtype: 'F16', shape: [2, 2], bytes: halves },
      brain: { dtype: 'BF16', shape: [2, 2], bytes: brains },
      single: float32Tensor([2, 2], [1, -2, 0.5, 65504]),
      double: { dtype: 'F64', shape: [4, 1], bytes: doubles },
    });
    const { tensors, files } = openCheckpoint(path);
    assert.deepEqual(files, [path]);
    assert.deepEqual(valuesOf(tensors.get('half')!.floats()), [1, -2, 0.5, 65504]);
    assert.deepEqual(valuesOf(tensors.get('brain')!.floats()), [1, -2, 0.5, 65280]);
    assert.deepEqual(valuesOf(tensors.get('single')!.floats()), [1, -2, 0.5, 65504]);
    assert.deepEqual(valuesOf(tensors.get('double')!.floats()), [1, -2, 0.5, 65504]);
    assert.deepEqual(valuesOf(tensors.get('half')!.rows(1, 1).floats()), [0.5, 65504]);
    assert.deepEqual(tensors.get('double')!.rows(1, 2).dims, [2, 1]);
    assert.deepEqual(valuesOf(tensors.get('double')!.rows(1, 2).floats()), [-2, 0.5]);
    refuses(() => tensors.get('odd')!.floats(), /'odd' is stored as U8; weights are read from F64, F32, F16, BF16/);
  });

  test('a matrix is turned piece by piece', (t) => {
    const path = join(temporaryDirectory(t), 'model.safetensors');
    const [rows, columns] = [1500, 900];
    const values = Float32Array.from(noise(rows * columns));
    writeSafetensors(path, { w: float32Tensor([rows, columns], values) });
    const turned = new TurnedSource(openCheckpoint(path).tensors.get('w')!.floats(), rows, columns);
    const pieces = [...turned.chunks()];
    assert.ok(pieces.length > 1 && pieces.every(({ length }) => length <= 4 * 2 ** 20), 'pieces of some MiB');
    const result = new Float32Array(valuesOf(turned));
    for (let row = 0; row < rows; row += 7)
      for (let column = 0; column < columns; column += 11)
        assert.equal(result[column * rows + row], values[row * columns + column]);
  });
});

describe('several files', () => {
  function directory(t: Parameters<typeof temporaryDirectory>[0], map: unknown): string {
    const path = temporaryDirectory(t);
    writeSafetensors(join(path, 'model-00001-of-00002.safetensors'), { a: float32Tensor([1], [1]) });
    writeSafetensors(join(path, 'model-00002-of-00002.safetensors'), { b: float32Tensor([1], [2]) });
    writeFileSync(join(path, INDEX), JSON.stringify({ metadata: {}, weight_map: map }));
    return path;
  }

  const [first, second] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];

  test('are one checkpoint', (t) => {
    const path = directory(t, { a: first, b: second });
    assert.equal(findCheckpoint(path), INDEX);
    const { tensors, files } = openCheckpoint(join(path, INDEX));
    assert.deepEqual(files, [join(path, first), join(path, second)]);
    assert.deepEqual(valuesOf(tensors.get('b')!.floats()), [2]);
  });

  const cases: Readonly<Record<string, readonly [map: unknown, message: RegExp]>> = {
    'a tensor is not where the index says': [{ a: first, b: second, c: first }, /'c' should be in model-00001/],
    'a file is missing': [{ a: 'model-00003.safetensors' }, /cannot open .*model-00003/],
    'a file lies elsewhere': [{ a: '../model.safetensors' }, /no file beside it/],
    'a file is no text': [{ a: 1 }, /no file beside it/],
    'there is no map': [null, /no weight_map/],
    'the map is empty': [{}, /weight_map is empty/],
  };
  for (const [name, [map, message]] of Object.entries(cases)) {
    test(`refused when ${name}`, (t) => refuses(() => openCheckpoint(join(directory(t, map), INDEX)), message));
  }

  test('refused when a tensor is in two of them', (t) => {
    const path = directory(t, { a: first, b: second });
    writeSafetensors(join(path, second), { a: float32Tensor([1], [1]), b: float32Tensor([1], [1]) });
    refuses(() => openCheckpoint(join(path, INDEX)), /'a' is in several files/);
  });

  test('refused when the index is no JSON', (t) => {
    const path = directory(t, {});
    writeFileSync(join(path, INDEX), '{');
    refuses(() => openCheckpoint(join(path, INDEX)), /cannot read .*index.json/);
  });
});

test('one file stands before an index; a pickle alone is refused with the way out', (t) => {
  const path = temporaryDirectory(t);
  assert.equal(findCheckpoint(path), null);
  assert.equal(pickleRefusal(path), null);
  writeFileSync(join(path, 'pytorch_model.bin'), '');
  assert.match(pickleRefusal(path)!.message, /pytorch_model\.bin only.*save_pretrained/);
  writeFileSync(join(path, INDEX), '{}');
  assert.equal(pickleRefusal(path), null);
  writeSafetensors(join(path, 'model.safetensors'), {});
  assert.equal(findCheckpoint(path), 'model.safetensors');
});

test('rows are picked in any order, and again from those', (t) => {
  const path = join(temporaryDirectory(t), 'model.safetensors');
  writeSafetensors(path, { w: float32Tensor([4, 2], [0, 1, 10, 11, 20, 21, 30, 31]) });
  const picked = pickRows(openCheckpoint(path).tensors.get('w')!, [3, 0, 2], 'some');
  assert.deepEqual([picked.name, picked.dims], ['w[some]', [3, 2]]);
  assert.deepEqual(valuesOf(picked.floats()), [30, 31, 0, 1, 20, 21]);
  assert.deepEqual(valuesOf(picked.rows(1, 2).floats()), [0, 1, 20, 21]);
});
