import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { RerankError } from '../../../src/errors.ts';
import { readModelFiles } from '../../../src/model/model-files.ts';
import { ModelProtoSchema, StringStringEntryProtoSchema, type TensorProto } from '../../../src/model/onnx/onnx_pb.ts';
import { addStoredTensor, type OnnxModel, readOnnxModel, writeOnnxModel } from '../../../src/model/onnx/onnx-model.ts';
import {
  attributes,
  floatInput,
  floats,
  node,
  noise,
  onnxModel,
  runModel,
  temporaryDirectory,
  writeModel,
} from '../../helpers/onnx-graph.ts';
import { oracleFamilies, oracleModel } from '../../helpers/oracle.ts';

/** Bytes of an initializer, wherever they are. */
function bytesOf({ sources }: OnnxModel, tensor: TensorProto): Uint8Array {
  const source = sources.get(tensor);
  return source === undefined ? tensor.rawData : Buffer.concat([...source.chunks()].map((piece) => Uint8Array.from(piece)));
}

function isModelFilesError(error: unknown): boolean {
  return error instanceof RerankError && error.code === 'model_files';
}

/** `y = x * w`, w external; `location` as the file says. */
async function externalModel(t: TestContext, entries: Readonly<Record<string, string>>): Promise<string> {
  const model = onnxModel({
    input: 'x',
    nodes: [node('MatMul', ['x', 'w'], ['y'])],
    initializers: [floats('w', [20, 20], noise(400))],
  });
  const weights = model.graph.initializer[0]!;
  weights.rawData = new Uint8Array(0);
  weights.dataLocation = 1;
  weights.externalData = Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
  const path = join(temporaryDirectory(t), 'model.onnx');
  writeFileSync(path, toBinary(ModelProtoSchema, model.proto));
  return path;
}

describe('read, write, read again', () => {
  for (const family of oracleFamilies()) {
    test(family, async (t) => {
      const first = readOnnxModel(readModelFiles(oracleModel(family), null).onnxFile);
      const bytes = first.graph.initializer.map((tensor) => bytesOf(first, tensor));
      const path = join(temporaryDirectory(t), 'model.onnx');
      let written = 0;
      await writeOnnxModel(first, path, (count) => {
        written += count;
      });
      const second = readOnnxModel(path);
      assert.deepEqual(second.graph.node, first.graph.node);
      assert.deepEqual(
        second.graph.initializer.map(({ name, dims, dataType }) => ({ name, dims, dataType })),
        first.graph.initializer.map(({ name, dims, dataType }) => ({ name, dims, dataType })),
      );
      second.graph.initializer.forEach((tensor, index) => {
        assert.deepEqual(Buffer.from(bytesOf(second, tensor)), Buffer.from(bytes[index]!), tensor.name);
      });
      assert.equal(
        written,
        [...second.sources.values()].reduce((sum, { byteLength }) => sum + byteLength, 0),
      );
      assert.deepEqual(
        second.files.map((file) => basename(file)),
        ['model.onnx', 'model.onnx.data'],
      );
    });
  }

  test('small tensors stay in the message, large ones are pages of the data file', async (t) => {
    const initializers = [floats('small', [4], noise(4)), floats('w', [20, 20], noise(400)), floats('v', [20, 20], noise(400))];
    const path = await writeModel(t, onnxModel({ input: 'x', nodes: [node('MatMul', ['x', 'w'], ['y'])], initializers }));
    const again = join(temporaryDirectory(t), 'again.onnx');
    await writeOnnxModel(readOnnxModel(path), again);
    const { graph } = readOnnxModel(again);
    const places = graph.initializer.map(({ externalData }) => externalData.find(({ key }) => key === 'offset')?.value);
    assert.deepEqual(places, [undefined, '0', '4096']);
  });

  test('fields that are not in our schema survive', async (t) => {
    const model = onnxModel({ input: 'x', nodes: [node('Identity', ['x'], ['y'])] });
    const path = join(temporaryDirectory(t), 'model.onnx');
    // doc_string (6) and metadata_props (14) of the model: tag, length, bytes.
    const docString = Buffer.concat([Buffer.from([(6 << 3) | 2, 5]), Buffer.from('hello')]);
    const metadata = Buffer.concat([
      Buffer.from([(14 << 3) | 2, 6, 0x0a, 1]),
      Buffer.from('k'),
      Buffer.from([0x12, 1]),
      Buffer.from('v'),
    ]);
    writeFileSync(path, Buffer.concat([toBinary(ModelProtoSchema, model.proto), docString, metadata]));
    const copy = join(temporaryDirectory(t), 'copy.onnx');
    await writeOnnxModel(readOnnxModel(path), copy);
    const bytes = readFileSync(copy);
    assert.ok(bytes.includes(docString) && bytes.includes(metadata));
    assert.equal(fromBinary(ModelProtoSchema, bytes).irVersion, 8n);
  });

  test('a computed tensor is written, and the runtime reads it', async (t) => {
    const model = onnxModel({ input: 'x', nodes: [node('MatMul', ['x', 'w'], ['y'])] });
    const values = Float32Array.from([1, 2, 3, 4]);
    addStoredTensor(model, 'w', 1, [2, 2], {
      byteLength: 16,
      chunks: () => [new Uint8Array(values.buffer, 0, 8), new Uint8Array(values.buffer, 8)],
    });
    const path = await writeModel(t, model);
    assert.deepEqual([...(await runModel(path, floatInput([1, 2], [10, 1])))], [13, 24]);
  });

  test('a source that gives too few bytes is a bug, and so is writing over the weights', async (t) => {
    const model = onnxModel({ input: 'x', nodes: [node('MatMul', ['x', 'w'], ['y'])] });
    addStoredTensor(model, 'w', 1, [2, 2], { byteLength: 16, chunks: () => [new Uint8Array(8)] });
    await assert.rejects(writeModel(t, model), /too few bytes/);
    const path = await writeModel(t, onnxModel({ input: 'x', nodes: [node('Identity', ['x'], ['y'])] }));
    await assert.rejects(writeOnnxModel(readOnnxModel(path), path), /written over the weights/);
  });
});

describe('files that are refused', () => {
  test('absent, a directory, empty, garbage', (t) => {
    const directory = temporaryDirectory(t);
    assert.throws(() => readOnnxModel(join(directory, 'absent.onnx')), isModelFilesError);
    assert.throws(() => readOnnxModel(directory), isModelFilesError);
    const path = join(directory, 'model.onnx');
    for (const content of [
      '',
      'version https://git-lfs.github.com/spec/v1\n',
      '<html></html>',
      Buffer.alloc(5000, 0xff),
      Buffer.alloc(5000),
    ]) {
      writeFileSync(path, content);
      assert.throws(() => readOnnxModel(path), isModelFilesError, String(content).slice(0, 10));
    }
  });

  test('cut anywhere', (t) => {
    const path = join(temporaryDirectory(t), 'model.onnx');
    const whole = readModelFiles(oracleModel('bert'), null).onnxFile;
    const size = readFileSync(whole).length;
    for (let cut = 1; cut < size; cut += Math.ceil(size / 97)) {
      copyFileSync(whole, path);
      truncateSync(path, size - cut);
      assert.throws(() => readOnnxModel(path), isModelFilesError, `${cut} bytes short`);
    }
  });

  test('a tensor that is no message', (t) => {
    const path = join(temporaryDirectory(t), 'model.onnx');
    // graph (7) { initializer (5) { name (8) as a varint instead of text } }
    writeFileSync(path, Buffer.from([(7 << 3) | 2, 4, (5 << 3) | 2, 2, (8 << 3) | 2, 9]));
    assert.throws(() => readOnnxModel(path), isModelFilesError);
  });

  for (const location of ['../weights', '/etc/passwd', 'a/../../weights', '', '..']) {
    test(`external data at '${location}'`, async (t) => {
      const path = await externalModel(t, { location });
      assert.throws(() => readOnnxModel(path), /outside the model's directory/);
    });
  }

  test('external data at no place, absent, or cut short', async (t) => {
    for (const entries of [{ offset: '-4' }, { offset: 'x' }, { length: '1e99' }]) {
      const path = await externalModel(t, { location: 'weights', ...entries });
      assert.throws(() => readOnnxModel(path), isModelFilesError, JSON.stringify(entries));
    }
    const path = await externalModel(t, { location: 'weights' });
    const copy = join(temporaryDirectory(t), 'copy.onnx');
    await assert.rejects(writeOnnxModel(readOnnxModel(path), copy), isModelFilesError);
    writeFileSync(path.replace('model.onnx', 'weights'), Buffer.alloc(1599));
    await assert.rejects(writeOnnxModel(readOnnxModel(path), copy), /cut short/);
    writeFileSync(path.replace('model.onnx', 'weights'), Buffer.alloc(1600));
    await writeOnnxModel(readOnnxModel(path), copy);
  });

  test('weights that a node keeps in another file are found, and not lost by writing', async (t) => {
    const weights = floats('w', [1], [1]);
    weights.dataLocation = 1;
    weights.externalData = [create(StringStringEntryProtoSchema, { key: 'location', value: 'inner' })];
    const model = onnxModel({ input: 'x', nodes: [node('Constant', [], ['y'], [attributes.tensor('value', weights)])] });
    const path = join(temporaryDirectory(t), 'model.onnx');
    writeFileSync(path, toBinary(ModelProtoSchema, model.proto));
    const read = readOnnxModel(path);
    assert.deepEqual(read.files, [path, path.replace('model.onnx', 'inner')]);
    await assert.rejects(writeOnnxModel(read, path.replace('model.onnx', 'copy.onnx')), /keeps weights of a node in inner/);
  });
});
