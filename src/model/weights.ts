// The simplest source of weights: the model's own file, as it is.

import type { ModelSpec, ModelWeights, WeightsSource } from '../protocol.ts';

/** What a worker opens when nothing is prepared. */
export function ownWeights(spec: ModelSpec): ModelWeights {
  return { onnxFile: spec.onnxFile, dtype: 'float32', packed: null };
}

/** Always the model's own file. */
export function ownWeightsSource(spec: ModelSpec): WeightsSource {
  return { open: async () => ownWeights(spec), reject: async () => false };
}
