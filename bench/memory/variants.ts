// Plain and prepared: which file the workers open, and how the server is told to.

import { PreparedWeights } from '../../src/model/prepared/prepared-weights.ts';
import { ownWeights } from '../../src/model/weights.ts';
import type { ModelSpec, ModelWeights } from '../../src/protocol.ts';
import { COPIES } from '../paths.ts';

export interface Variant {
  readonly weights: ModelWeights;
  /** Flags that make `crossrank serve` open the same. */
  readonly serveFlags: readonly string[];
}

/** The model's own file, as it is. */
export function plainVariant(spec: ModelSpec): Variant {
  return { weights: ownWeights(spec), serveFlags: ['--prepared', 'off'] };
}

/** The packed copy a server makes at its first start. */
export async function preparedVariant(spec: ModelSpec): Promise<Variant> {
  const prepared = new PreparedWeights({ spec, dtype: 'float32', pack: true, cacheDirectory: COPIES });
  const weights = await prepared.open(new AbortController().signal);
  if (!weights.packed) throw new Error(`no packed copy could be made in ${COPIES}`);
  return { weights, serveFlags: [] };
}
