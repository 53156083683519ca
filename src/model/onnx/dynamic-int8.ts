// Whether a graph quantises its activations while it runs: then a pair's scores depend on the pairs that share its run.

import { subgraphs } from './graph-view.ts';
import type { GraphProto } from './onnx_pb.ts';
import { readOnnxModel } from './onnx-model.ts';

/** The standard operation, and what optimisers fuse it to. */
const DYNAMIC_OPERATIONS = ['DynamicQuantizeLinear', 'DynamicQuantizeMatMul', 'DynamicQuantizeLSTM'];

/** False too when the file cannot be read: whoever opens it will say why. */
export function isDynamicInt8(onnxFile: string): boolean {
  try {
    return quantizesActivations(readOnnxModel(onnxFile).graph);
  } catch {
    return false;
  }
}

function quantizesActivations({ node }: GraphProto): boolean {
  return node.some((each) => DYNAMIC_OPERATIONS.includes(each.opType) || subgraphs(each).some(quantizesActivations));
}
