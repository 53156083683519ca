// Plain and prepared: which file the workers open, and how the server is told to.

import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { readOnnxModel, writeOnnxModel } from '../../src/model/onnx/onnx-model.ts';
import { PreparedWeights } from '../../src/model/prepared/prepared-weights.ts';
import { ownWeights } from '../../src/model/weights.ts';
import type { ModelSpec, ModelWeights } from '../../src/protocol.ts';
import { COPIES, MODEL_CACHE } from '../paths.ts';

export interface Variant {
  readonly weights: ModelWeights;
  /** Model directory the server is started with. */
  readonly directory: string;
  /** Flags that make `crossrank serve` open the same. */
  readonly serveFlags: readonly string[];
}

/** The model's own file, as it is. */
export function plainVariant(spec: ModelSpec): Variant {
  return { weights: ownWeights(spec), directory: spec.directory, serveFlags: ['--prepared', 'off'] };
}

/** The same weights in a file beside the graph, as models above 2 GB have to have them. */
export async function externalVariant(spec: ModelSpec): Promise<Variant> {
  const directory = join(MODEL_CACHE, `${spec.id}-external`);
  const onnxFile = join(directory, 'model.onnx');
  if (!existsSync(onnxFile)) {
    cpSync(spec.directory, directory, { recursive: true, filter: (path) => !path.includes('.onnx') && !path.includes('int8') });
    await writeOnnxModel(readOnnxModel(spec.onnxFile), onnxFile);
  }
  return { weights: { ...ownWeights(spec), onnxFile }, directory, serveFlags: ['--prepared', 'off'] };
}

/** The packed copy a server makes at its first start. */
export async function preparedVariant(spec: ModelSpec): Promise<Variant> {
  const prepared = new PreparedWeights({ spec, dtype: 'float32', pack: true, cacheDirectory: COPIES });
  const weights = await prepared.open(new AbortController().signal);
  if (!weights.packed) throw new Error(`no packed copy could be made in ${COPIES}`);
  return { weights, directory: spec.directory, serveFlags: [] };
}
