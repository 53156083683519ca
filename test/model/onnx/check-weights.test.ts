// Weights that are not where the graph says, or not as many: told before a byte of them is read.

import assert from 'node:assert/strict';
import { cpSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { toBinary } from '@bufbuild/protobuf';
import { checkedOnnxModel } from '../../../src/model/onnx/check-weights.ts';
import { ModelProtoSchema, type TensorProto } from '../../../src/model/onnx/onnx_pb.ts';
import { readOnnxModel } from '../../../src/model/onnx/onnx-model.ts';
import { floats, node, onnxModel, temporaryDirectory } from '../../helpers/onnx-graph.ts';
import { oracleFamilies, oracleModel } from '../../helpers/oracle.ts';

/** The model with external data, changed before its graph is written again. */
function external(t: TestContext, change: (tensor: TensorProto) => void): string {
  const directory = temporaryDirectory(t);
  cpSync(oracleModel('external-data'), directory, { recursive: true });
  const path = join(directory, 'model.onnx');
  const { proto, graph, sources } = readOnnxModel(path);
  change(graph.initializer.find((tensor) => sources.has(tensor))!);
  writeFileSync(path, toBinary(ModelProtoSchema, proto));
  return path;
}

function setEntry(tensor: TensorProto, key: string, value: string): void {
  const entry = tensor.externalData.find((each) => each.key === key);
  assert.ok(entry !== undefined, key);
  entry.value = value;
}

function refused(path: string, message: RegExp): void {
  assert.throws(() => checkedOnnxModel(path), { name: 'RerankError', code: 'model_files', message });
}

test('every recorded model passes', () => {
  for (const family of oracleFamilies()) {
    const directory = oracleModel(family);
    const path = ['model.onnx', 'onnx/model.onnx'].map((name) => join(directory, name)).find((name) => readable(name))!;
    assert.ok(checkedOnnxModel(path).files.length >= 1, family);
  }
});

function readable(path: string): boolean {
  try {
    readOnnxModel(path);
    return true;
  } catch {
    return false;
  }
}

test('offsets and lengths beyond the file, negative, or no numbers', (t) => {
  refused(
    external(t, (tensor) => setEntry(tensor, 'offset', '1000000000')),
    /model\.onnx_data is cut short: it has \d+ bytes, and model\.onnx keeps weights at 1000000000 to/,
  );
  for (const value of ['-8', '1e400', 'x', '9007199254740993'])
    refused(
      external(t, (tensor) => setEntry(tensor, 'offset', value)),
      /lies at no place/,
    );
  refused(
    external(t, (tensor) => setEntry(tensor, 'length', '4')),
    /which is \d+ bytes, but 4 are stored/,
  );
});

test('shapes that overflow, are negative, or do not fit the bytes', (t) => {
  const shape = (dims: bigint[]): string =>
    external(t, (tensor) => {
      tensor.dims = dims;
    });
  refused(shape([2n ** 40n, 2n ** 40n]), /which is \d\S+ bytes, but \d+ are stored/);
  refused(shape([-1n, -1n]), /have the shape \[-1,-1\]/);
  refused(shape([1n]), /which is 4 bytes, but \d+ are stored/);
});

test('large weights inside the message are counted too', (t) => {
  const weights = floats('w', [16, 32], new Float32Array(512));
  weights.dims = [16n, 31n];
  const model = onnxModel({ nodes: [node('MatMul', ['x', 'w'], ['y'])], initializers: [weights], input: 'x' });
  const path = join(temporaryDirectory(t), 'model.onnx');
  writeFileSync(path, toBinary(ModelProtoSchema, model.proto));
  refused(path, /'?"w"'? are \[16,31\], which is 1984 bytes, but 2048 are stored/);
});

test('data files that are gone, cut short, directories or devices', { skip: process.platform === 'win32' }, (t) => {
  const path = external(t, () => {});
  const data = `${path}_data`;
  truncateSync(data, 10);
  refused(path, /is cut short: it has 10 bytes/);
  rmSync(data);
  refused(path, /cannot open \S+model\.onnx_data: ENOENT/);
  symlinkSync('/dev/zero', data);
  refused(path, /model\.onnx_data: it is a device, not a file/);
  rmSync(data);
  symlinkSync('/', data);
  refused(path, /model\.onnx_data: it is a directory, not a file/);
});
