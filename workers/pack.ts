// Writes the packed copy of a model, and the check that later starts compare it with.

import { RerankError } from '../src/errors.ts';
import type { ModelSpec, ModelWeights, WeightsCheck } from '../src/protocol.ts';
import { BatchScorer } from './scorer.ts';
import { checkDeviation, checkFinite, WEIGHTS_CHECK_TEXTS, warmUp } from './warm-up.ts';

/**
 * Opens the weights, lets the runtime write them optimised and packed, opens what was written, and compares.
 *
 * @param target the packed graph; its weights come to lie beside it
 * @throws RerankError `model_files` when the model is at fault, `internal` when the copy cannot be written or differs
 */
export async function packModel(spec: ModelSpec, weights: ModelWeights, target: string): Promise<WeightsCheck> {
  const check = await recordCheck(spec, weights, target);
  const copy = await BatchScorer.open({
    spec,
    weights: { ...weights, onnxFile: target, packed: true, check },
    cpuMemArena: false,
  });
  try {
    await checkDeviation(copy, check);
  } finally {
    await copy.close();
  }
  return check;
}

/** Scores a fixed pair after the whole warm-up has passed. @param packTo as {@link packModel} */
export async function recordCheck(spec: ModelSpec, weights: ModelWeights, packTo?: string): Promise<WeightsCheck> {
  const scorer = await BatchScorer.open({ spec, weights, cpuMemArena: false }, packTo);
  try {
    await warmUp(scorer, spec, weights);
    const check = await scorer.check(WEIGHTS_CHECK_TEXTS.query, WEIGHTS_CHECK_TEXTS.document);
    checkFinite(spec, Float32Array.from(check.logits));
    return check;
  } catch (error) {
    throw error instanceof RerankError ? error : new RerankError('internal', (error as Error).message, { cause: error });
  } finally {
    await scorer.close();
  }
}
