// What a model needs in memory at its longest run, so that a start that cannot end well is refused with a number.

import { statSync } from 'node:fs';
import { RerankError } from '../errors.ts';
import type { Dtype, ModelSpec } from '../protocol.ts';
import { readOnnxModel } from './onnx/onnx-model.ts';

const FLOAT_BYTES = 4;

/** Buffers alive at once in a layer, of which the arena may keep the largest: hidden states, Q, K, V, attention output, residuals. */
const HIDDEN_BUFFERS = 8;
/** Feed-forward activations before and after the non-linearity. */
const INTERMEDIATE_BUFFERS = 2;
/** Attention scores and their softmax. */
const ATTENTION_BUFFERS = 2;

/** Heap of the main thread, code of the runtime; then heap and tokenizer of each worker (crossrank-mini in bench/results/sizing.json). */
const PROCESS_BYTES = 110 * 2 ** 20;
const WORKER_BYTES = 40 * 2 ** 20;

/** The process that only starts and watches others. */
const PRIMARY_BYTES = 90 * 2 ** 20;

/** A packed copy is mapped once for all workers; this share of it each worker still has for itself (bench/results/memory.json). */
const PRIVATE_SHARE = 0.15;

/** Bytes of int8 weights, as a share of float32. */
const INT8_SHARE = 0.25;

/** How the weights are held. */
export interface MemoryPlan {
  /** Serving processes; one when left out. */
  readonly processes?: number;
  /** Of each process. */
  readonly workers: number;
  readonly dtype: Dtype;
  /** One mapped copy for all workers of all processes, instead of one each. */
  readonly packed: boolean;
}

export interface MemoryNeed {
  /** The model's own files. */
  readonly fileBytes: number;
  /** All weights in memory, of all workers of all processes. */
  readonly weightsBytes: number;
  /** One worker's largest run: a single pair of the maximum length. */
  readonly runBytes: number;
  readonly totalBytes: number;
}

/**
 * Estimates the peak of a service whose workers, of all its processes, run a longest pair at the same moment.
 *
 * Working memory of one layer at L tokens: hidden states and feed-forward activations grow with L, attention scores with
 * heads x L^2. Layers reuse each other's buffers.
 */
export function estimateMemory(spec: ModelSpec, plan: MemoryPlan, maxLength = spec.maxLength): MemoryNeed {
  const { processes = 1 } = plan;
  const workers = processes * plan.workers;
  const fileBytes = modelBytes(spec.onnxFile);
  const oneCopy = fileBytes * (plan.dtype === 'int8' ? INT8_SHARE : 1);
  const weightsBytes = oneCopy * (plan.packed ? 1 + workers * PRIVATE_SHARE : workers);
  const linear = maxLength * (HIDDEN_BUFFERS * spec.hiddenSize + INTERMEDIATE_BUFFERS * spec.intermediateSize);
  const quadratic = ATTENTION_BUFFERS * spec.numHeads * maxLength ** 2;
  const runBytes = FLOAT_BYTES * (linear + quadratic);
  const processBytes = processes * PROCESS_BYTES + (processes > 1 ? PRIMARY_BYTES : 0) + workers * WORKER_BYTES;
  return { fileBytes, weightsBytes, runBytes, totalBytes: processBytes + weightsBytes + workers * runBytes };
}

/**
 * Refuses a start whose longest runs cannot fit the machine or container.
 *
 * @param limitBytes memory the process may use
 * @throws RerankError `config` with the estimate, the limit, and the largest `--max-length` that fits
 */
export function checkMemory(spec: ModelSpec, plan: MemoryPlan, limitBytes: number): MemoryNeed {
  const need = estimateMemory(spec, plan);
  if (need.totalBytes <= limitBytes) return need;
  const fitting = largestLength(spec, plan, limitBytes);
  const several = (plan.processes ?? 1) > 1;
  const fewer = several ? 'fewer --processes or --workers' : 'fewer --workers';
  throw new RerankError(
    'config',
    `${plan.workers} worker(s)${several ? ` in each of ${plan.processes} processes` : ''} with pairs of up to ${spec.maxLength} tokens can need about ${mebibytes(need.totalBytes)} MiB ` +
      `(weights ${mebibytes(need.weightsBytes)} and one run a worker ${mebibytes(need.runBytes)} MiB), the limit is ${mebibytes(limitBytes)} MiB; ` +
      (fitting > 0 ? `--max-length ${fitting} fits, or ${fewer}` : `not even short pairs fit: use ${fewer} or a smaller model`),
  );
}

/** Largest power of two, or 3/4 of one, that fits; 0 when none of at least 32 tokens does. */
function largestLength(spec: ModelSpec, plan: MemoryPlan, limitBytes: number): number {
  for (let length = 2 ** Math.floor(Math.log2(spec.maxLength)); length >= 32; length /= 2) {
    for (const candidate of [length, (length * 3) / 4]) {
      if (estimateMemory(spec, plan, candidate).totalBytes <= limitBytes) return candidate;
    }
  }
  return 0;
}

/** The ONNX file and its external data; the file alone when it is not ONNX, which the runtime will tell better. */
function modelBytes(onnxFile: string): number {
  return filesOf(onnxFile).reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
}

function filesOf(onnxFile: string): readonly string[] {
  try {
    return readOnnxModel(onnxFile).files;
  } catch {
    return [onnxFile];
  }
}

/** Whole MiB, rounded up: what is needed is never shown as less. */
export function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}
