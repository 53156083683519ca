// The simplest source of weights: the model's own file, as it is.

import type { Dtype, ModelSpec, ModelWeights, WeightsSource } from '../protocol.ts';
import { isDynamicInt8 } from './onnx/dynamic-int8.ts';

/** What a worker opens when nothing is prepared. */
export function ownWeights(spec: ModelSpec): ModelWeights {
  return { onnxFile: spec.onnxFile, dtype: ownDtype(spec), packed: false, check: null };
}

/** A repository's own quantised file, named by `--onnx-file`, is int8 without our doing. */
export function ownDtype({ onnxFile }: ModelSpec): Dtype {
  return isDynamicInt8(onnxFile) ? 'int8' : 'float32';
}

/** Always the model's own file. */
export function ownWeightsSource(spec: ModelSpec): WeightsSource {
  return { open: async () => ownWeights(spec), reject: async () => false };
}
