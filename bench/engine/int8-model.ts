// The int8 copy of a model, made once beside it.

import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { quantizeModel } from '../../src/model/onnx/quantize-model.ts';

/** Path of the int8 ONNX file of a model directory. @param hasInt8Dot whether 8-bit weights do not saturate on this CPU */
export async function int8Model(onnxFile: string, hasInt8Dot: boolean): Promise<string> {
  const directory = join(dirname(onnxFile), hasInt8Dot ? 'int8' : 'int8-reduced');
  const target = join(directory, 'model.onnx');
  if (existsSync(target)) return target;
  mkdirSync(directory, { recursive: true });
  await quantizeModel(onnxFile, target, { reducedRange: !hasInt8Dot });
  return target;
}
