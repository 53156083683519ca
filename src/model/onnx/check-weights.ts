// Whether the bytes of a graph's weights are where it says, and as many as its shapes need: told before anything reads or hashes them.

import { basename } from 'node:path';
import { RerankError } from '../../errors.ts';
import { cut, shown } from '../checked-json.ts';
import { MAX_WEIGHT_BYTES, statRegularFile } from '../regular-file.ts';
import { elementCount } from './constant-tensor.ts';
import { ELEMENT_BYTES } from './data-types.ts';
import type { TensorProto } from './onnx_pb.ts';
import { type OnnxModel, readOnnxModel } from './onnx-model.ts';

/**
 * Reads the graph of an ONNX file and looks at every file and range its weights lie in, not at the weights.
 *
 * @throws RerankError `model_files` when it is not ONNX, a file is absent or no regular file, a range goes past its end, or a shape does not
 *   fit its bytes
 */
export function checkedOnnxModel(onnxFile: string): OnnxModel {
  const model = readOnnxModel(onnxFile);
  const sizes = new Map(model.files.map((path) => [path, statRegularFile(path, MAX_WEIGHT_BYTES).size]));
  for (const { path, offset, byteLength } of model.ranges) {
    if (offset + byteLength <= sizes.get(path)!) continue;
    throw new RerankError(
      'model_files',
      `${path} is cut short: it has ${sizes.get(path)} bytes, and ${basename(onnxFile)} keeps weights at ${offset} to ${offset + byteLength}`,
    );
  }
  for (const tensor of model.graph.initializer) checkShape(onnxFile, tensor, model.sources.get(tensor)?.byteLength ?? null);
  return model;
}

/** @param storedBytes null when they lie inside the message, where the runtime counts them */
function checkShape(onnxFile: string, { name, dims, dataType }: TensorProto, storedBytes: number | null): void {
  if (dims.some((dim) => dim < 0n))
    throw new RerankError('model_files', `${onnxFile}: the weights ${shown(name)} have the shape [${cut(dims.join())}]`);
  const size = ELEMENT_BYTES[dataType];
  if (storedBytes === null || size === undefined) return;
  const bytes = size * elementCount(dims.map(Number));
  if (bytes === storedBytes) return;
  throw new RerankError(
    'model_files',
    `${onnxFile}: the weights ${shown(name)} are [${cut(dims.join())}], which is ${bytes} bytes, but ${storedBytes} are stored`,
  );
}
