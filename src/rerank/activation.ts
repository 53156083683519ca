// Pure: logits -> scores. Values are float32 at every step, as torch computes them.

import type { ActivationName } from '../protocol.ts';

/**
 * Applies an activation to every row, then softmax over the labels when asked.
 *
 * @param logits       `[pairs x numLabels]`; not changed
 * @param applySoftmax softmax over the labels after the activation; with one label every score becomes 1, as in sentence-transformers
 * @returns `[pairs x numLabels]`
 * @see sentence_transformers/cross_encoder/model.py, predict
 */
export function activate(
  logits: Float32Array,
  numLabels: number,
  activation: ActivationName,
  applySoftmax: boolean,
): Float32Array {
  const scores = activation === 'softmax' ? softmaxRows(logits, numLabels) : logits.map(ELEMENTWISE[activation]);
  return applySoftmax ? softmaxRows(scores, numLabels) : scores;
}

const ELEMENTWISE: Readonly<Record<Exclude<ActivationName, 'softmax'>, (logit: number) => number>> = {
  sigmoid: (logit) => 1 / (1 + Math.exp(-logit)),
  tanh: Math.tanh,
  identity: (logit) => logit,
};

/** Softmax of each row, shifted by the row's largest value so that no exponential overflows. */
function softmaxRows(values: Float32Array, numLabels: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += numLabels) {
    const row = values.subarray(start, start + numLabels);
    let largest = Number.NEGATIVE_INFINITY;
    for (const value of row) largest = Math.max(largest, value);
    let sum = 0;
    for (const value of row) sum += Math.exp(value - largest);
    for (let i = 0; i < numLabels; i += 1) result[start + i] = Math.exp(row[i]! - largest) / sum;
  }
  return result;
}
