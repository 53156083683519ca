// What a model needs in memory at its longest run, so that a start that cannot end well is refused with a number.

import { statSync } from 'node:fs';
import { RerankError } from '../errors.ts';
import type { ModelSpec } from '../protocol.ts';

const FLOAT_BYTES = 4;

/** Buffers alive at once in a layer, of which the arena may keep the largest: hidden states, Q, K, V, attention output, residuals. */
const HIDDEN_BUFFERS = 8;
/** Feed-forward activations before and after the non-linearity. */
const INTERMEDIATE_BUFFERS = 2;
/** Attention scores and their softmax. */
const ATTENTION_BUFFERS = 2;

/** V8 heap, tokenizer, code of the runtime. */
const PROCESS_BYTES = 150 * 2 ** 20;

export interface MemoryNeed {
  readonly weightsBytes: number;
  /** One worker's largest run: a single pair of the maximum length. */
  readonly runBytes: number;
  readonly totalBytes: number;
}

/**
 * Estimates the peak of a pool: every worker holds the weights and may run a longest pair at the same moment.
 *
 * Working memory of one layer at L tokens: hidden states and feed-forward activations grow with L, attention scores with
 * heads x L^2. Layers reuse each other's buffers.
 */
export function estimateMemory(spec: ModelSpec, workers: number, maxLength = spec.maxLength): MemoryNeed {
  const weightsBytes = fileBytes(spec.onnxFile) + fileBytes(`${spec.onnxFile}_data`) + fileBytes(`${spec.onnxFile}.data`);
  const linear = maxLength * (HIDDEN_BUFFERS * spec.hiddenSize + INTERMEDIATE_BUFFERS * spec.intermediateSize);
  const quadratic = ATTENTION_BUFFERS * spec.numHeads * maxLength ** 2;
  const runBytes = FLOAT_BYTES * (linear + quadratic);
  return { weightsBytes, runBytes, totalBytes: PROCESS_BYTES + workers * (weightsBytes + runBytes) };
}

/**
 * Refuses a start whose longest runs cannot fit the machine or container.
 *
 * @param limitBytes memory the process may use
 * @throws RerankError `config` with the estimate, the limit, and the largest `--max-length` that fits
 */
export function checkMemory(spec: ModelSpec, workers: number, limitBytes: number): MemoryNeed {
  const need = estimateMemory(spec, workers);
  if (need.totalBytes <= limitBytes) return need;
  const fitting = largestLength(spec, workers, limitBytes);
  throw new RerankError(
    'config',
    `${workers} worker(s) with pairs of up to ${spec.maxLength} tokens can need about ${mebibytes(need.totalBytes)} MiB ` +
      `(weights ${mebibytes(need.weightsBytes)} and one run ${mebibytes(need.runBytes)} MiB a worker), the limit is ${mebibytes(limitBytes)} MiB; ` +
      (fitting > 0
        ? `--max-length ${fitting} fits, or fewer --workers`
        : 'not even short pairs fit: use fewer --workers or a smaller model'),
  );
}

/** Largest power of two, or 3/4 of one, that fits; 0 when none of at least 32 tokens does. */
function largestLength(spec: ModelSpec, workers: number, limitBytes: number): number {
  for (let length = 2 ** Math.floor(Math.log2(spec.maxLength)); length >= 32; length /= 2) {
    for (const candidate of [length, (length * 3) / 4]) {
      if (estimateMemory(spec, workers, candidate).totalBytes <= limitBytes) return candidate;
    }
  }
  return 0;
}

function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}
