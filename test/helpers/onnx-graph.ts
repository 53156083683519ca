// Small ONNX models made in memory, and runs of them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../../src/model/onnx/onnx_pb.ts';
import { type OnnxModel, readOnnxModel, writeOnnxModel } from '../../src/model/onnx/onnx-model.ts';

const FLOAT = 1;
const INT64 = 7;

/** Parts of a graph with the input `x` (float) or `ids` (int64) and the output `y`. */
export interface GraphParts {
  readonly nodes: readonly NodeProto[];
  readonly initializers?: readonly TensorProto[];
  /** `x`: float `[rows, columns]`; `ids`: int64 of any length. */
  readonly input: 'x' | 'ids';
  /** ONNX type of `x` and `y`. */
  readonly dataType?: number;
  readonly opset?: number;
}

export function node(opType: string, input: string[], output: string[], attribute: AttributeProto[] = []): NodeProto {
  return create(NodeProtoSchema, { opType, name: `${opType} ${output[0]}`, input, output, attribute });
}

export const attributes = {
  int: (name: string, value: number) => create(AttributeProtoSchema, { name, type: 2, i: BigInt(value) }),
  float: (name: string, value: number) => create(AttributeProtoSchema, { name, type: 1, f: value }),
  ints: (name: string, values: number[]) => create(AttributeProtoSchema, { name, type: 7, ints: values.map(BigInt) }),
  tensor: (name: string, value: TensorProto) => create(AttributeProtoSchema, { name, type: 4, t: value }),
  graph: (name: string, value: GraphProto) => create(AttributeProtoSchema, { name, type: 5, g: value }),
};

export function floats(name: string, dims: number[], values: Iterable<number>): TensorProto {
  const rawData = new Uint8Array(Float32Array.from(values).buffer);
  return create(TensorProtoSchema, { name, dataType: FLOAT, dims: dims.map(BigInt), rawData });
}

export function int64s(name: string, values: number[]): TensorProto {
  return create(TensorProtoSchema, { name, dataType: INT64, dims: [BigInt(values.length)], int64Data: values.map(BigInt) });
}

/** Bytes of an element type of your own: 16-bit floats, int8. */
export function rawTensor(name: string, dataType: number, dims: number[], values: Uint16Array | Int8Array): TensorProto {
  const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return create(TensorProtoSchema, { name, dataType, dims: dims.map(BigInt), rawData });
}

export function onnxModel({ nodes, initializers = [], input, dataType = FLOAT, opset = 18 }: GraphParts): OnnxModel {
  const graph = create(GraphProtoSchema, {
    name: 'test',
    node: [...nodes],
    initializer: [...initializers],
    input: [input === 'x' ? valueInfo('x', dataType, ['rows', 'columns']) : valueInfo('ids', INT64, ['rows'])],
    output: [valueInfo('y', dataType, null)],
  });
  const proto = create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ domain: '', version: BigInt(opset) }], graph });
  return { proto, graph: proto.graph!, sources: new Map(), ranges: [], files: [] };
}

function valueInfo(name: string, elemType: number, axes: readonly string[] | null): ValueInfoProto {
  const dim = (axes ?? []).map((axis) => create(TensorShapeProto_DimensionSchema, { value: { case: 'dimParam', value: axis } }));
  const shape = axes === null ? {} : { shape: create(TensorShapeProtoSchema, { dim }) };
  const value = create(TypeProto_TensorSchema, { elemType, ...shape });
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value } } });
}

/** A directory that goes away with the test. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'crossrank-onnx-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Writes the model into a directory of the test. */
export async function writeModel(t: TestContext, model: OnnxModel): Promise<string> {
  const path = join(temporaryDirectory(t), 'model.onnx');
  await writeOnnxModel(model, path);
  return path;
}

/** `y` of one run. 16-bit floats come as their bits. */
export async function runModel(path: string, input: Tensor): Promise<Float32Array> {
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  try {
    const { y } = await session.run({ [session.inputNames[0]!]: input });
    return y!.data as Float32Array;
  } finally {
    await session.release();
  }
}

export function floatInput(dims: number[], values: Iterable<number>): Tensor {
  return new Tensor('float32', Float32Array.from(values), dims);
}

export function idsInput(ids: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(ids, BigInt), [ids.length]);
}

/** Writes what the runtime makes of a model, and reads it. */
export async function optimize(path: string): Promise<OnnxModel> {
  const optimizedModelFilePath = path.replace(/\.onnx$/, '.optimized.onnx');
  const session = await InferenceSession.create(path, { optimizedModelFilePath, logSeverityLevel: 3 });
  await session.release();
  return readOnnxModel(optimizedModelFilePath);
}

/** Operation -> how many nodes of it. */
export function countOperations({ graph }: OnnxModel): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { opType } of graph.node) counts[opType] = (counts[opType] ?? 0) + 1;
  return counts;
}

/** Repeatable values in -1..1. */
export function* noise(count: number, seed = 1): Generator<number> {
  let state = seed;
  for (let i = 0; i < count; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    yield state / 2 ** 31;
  }
}
