// Writes a model as one ONNX file, weights inside, as the hub has models of less than 2 GB. crossrank itself always writes weights beside the graph.

import { closeSync, openSync, writeSync } from 'node:fs';
import { clone, create, toBinary } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema } from '../../src/model/onnx/onnx_pb.ts';
import type { OnnxModel } from '../../src/model/onnx/onnx-model.ts';
import type { TensorSource } from '../../src/model/onnx/tensor-source.ts';
import { fieldHead } from '../../src/model/onnx/wire-scan.ts';

/** Field numbers of onnx.proto. */
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
const TENSOR_RAW_DATA = 9;

/** An initializer's message: what stands before its bytes, and where they come from. */
interface StoredTensor {
  readonly head: Uint8Array;
  readonly source: TensorSource;
}

export function writeOneFile({ proto, graph, sources }: OnnxModel, path: string): void {
  const stored = [...sources].map(([tensor, source]): StoredTensor => {
    const bare = toBinary(TensorProtoSchema, create(TensorProtoSchema, { ...tensor, externalData: [], dataLocation: 0 }));
    return { head: Buffer.concat([bare, fieldHead(TENSOR_RAW_DATA, source.byteLength)]), source };
  });
  const rest = clone(GraphProtoSchema, graph);
  rest.initializer = graph.initializer.filter((tensor) => !sources.has(tensor));
  const restBytes = toBinary(GraphProtoSchema, rest);
  const heads = stored.map(({ head, source }) => fieldHead(GRAPH_INITIALIZER, head.length + source.byteLength));
  const graphBytes = stored.reduce(
    (sum, { head, source }, i) => sum + heads[i]!.length + head.length + source.byteLength,
    restBytes.length,
  );
  const file = openSync(path, 'w');
  try {
    writeSync(file, toBinary(ModelProtoSchema, create(ModelProtoSchema, { ...proto, graph: undefined })));
    writeSync(file, fieldHead(MODEL_GRAPH, graphBytes));
    writeSync(file, restBytes);
    stored.forEach(({ head, source }, i) => {
      writeSync(file, heads[i]!);
      writeSync(file, head);
      for (const chunk of source.chunks()) writeSync(file, chunk);
    });
  } finally {
    closeSync(file);
  }
}
